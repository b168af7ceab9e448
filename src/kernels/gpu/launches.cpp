#include "kernels/gpu/launches.h"

#ifdef LONGSPAN_WITH_CUDA
#include <c10/cuda/CUDAStream.h>

#include "kernels/cuda/attention.h"
#include "kernels/cuda/rows.h"
#endif

namespace longspan::gpu {
namespace {

const Launches* for_tests = nullptr;

#ifdef LONGSPAN_WITH_CUDA
void* current_stream() { return c10::cuda::getCurrentCUDAStream().stream(); }

constexpr Launches kOnGpu{
    c10::kCUDA,
    [](const AttentionCase& wanted, const AttentionProblem& problem,
       const AttentionOutputs& outputs) {
      cuda::attention_forward(wanted, problem, outputs, current_stream());
    },
    [](const AttentionCase& wanted, const AttentionProblem& problem,
       const AttentionGradients& gradients) {
      cuda::attention_backward(wanted, problem, gradients, current_stream());
    },
    [](const DropoutProblem& problem) { cuda::dropout(problem, current_stream()); },
    [](const ActivationProblem& problem, std::uint16_t* out_NF) {
      cuda::activation_forward(problem, out_NF, current_stream());
    },
    [](const ActivationProblem& problem, const ActivationGradients& gradients) {
      cuda::activation_backward(problem, gradients, current_stream());
    },
    [](const RotationProblem& problem) { cuda::rotation(problem, current_stream()); }};
#endif

}  // namespace

const Launches* launches_on(c10::DeviceType device) {
  if (for_tests != nullptr) return for_tests->device == device ? for_tests : nullptr;
#ifdef LONGSPAN_WITH_CUDA
  if (device == kOnGpu.device) return &kOnGpu;
#endif
  return nullptr;
}

LaunchesForTests::LaunchesForTests(const Launches& launches) { for_tests = &launches; }
LaunchesForTests::~LaunchesForTests() { for_tests = nullptr; }

}  // namespace longspan::gpu
