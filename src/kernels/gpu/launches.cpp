#include "kernels/gpu/launches.h"

#ifdef LONGSPAN_WITH_CUDA
#include <c10/cuda/CUDAStream.h>

#include "kernels/cuda/attention.h"
#include "kernels/cuda/cross_entropy.h"
#include "kernels/cuda/residual_norm.h"
#include "kernels/cuda/rows.h"
#include "kernels/cuda/tensor_updates.h"
#endif

namespace longspan::gpu {
namespace {

const Launches* for_tests = nullptr;

#ifdef LONGSPAN_WITH_CUDA
// Adds the current stream to the arguments of a launcher.
template <auto kLaunch, class... Arguments>
void on_current_stream(Arguments... arguments) {
  kLaunch(arguments..., c10::cuda::getCurrentCUDAStream().stream());
}

constexpr Launches kOnGpu{c10::kCUDA,
                          on_current_stream<cuda::attention_forward>,
                          on_current_stream<cuda::attention_backward>,
                          on_current_stream<cuda::cross_entropy>,
                          on_current_stream<cuda::target_log_probabilities>,
                          on_current_stream<cuda::residual_norm_forward>,
                          on_current_stream<cuda::residual_norm_backward>,
                          on_current_stream<cuda::dropout>,
                          on_current_stream<cuda::activation_forward>,
                          on_current_stream<cuda::activation_backward>,
                          on_current_stream<cuda::rotation>,
                          on_current_stream<cuda::gradient_squares>,
                          on_current_stream<cuda::gradient_norm>,
                          on_current_stream<cuda::momentum_update>,
                          on_current_stream<cuda::adamw_update>,
                          on_current_stream<cuda::narrow_copies>};
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
