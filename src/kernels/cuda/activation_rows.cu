#include "kernels/cuda/rows.h"
#include "kernels/cuda/start.h"
#include "kernels/cuda/thread.h"

namespace longspan::cuda {
namespace {

template <class Kind>
__global__ void __launch_bounds__(gpu::kRowThreads)
    activation(gpu::ActivationProblem problem, std::uint16_t* out_NF) {
  Thread thread;
  gpu::ActivationForward<Kind>::run(thread, problem, out_NF);
}

template <class Kind>
__global__ void __launch_bounds__(gpu::kRowThreads)
    activation_gradient(gpu::ActivationProblem problem, gpu::ActivationGradients gradients) {
  Thread thread;
  gpu::ActivationBackward<Kind>::run(thread, problem, gradients);
}

}  // namespace

void activation_forward(const gpu::ActivationProblem& problem, std::uint16_t* out_NF,
                        void* stream) {
  gpu::visit_activation_kind(problem, [&](auto kind) {
    start("activation forward", activation<decltype(kind)>, dim3(problem.shape.num_blocks()),
          gpu::kRowThreads, 0, stream, problem, out_NF);
  });
}

void activation_backward(const gpu::ActivationProblem& problem,
                         const gpu::ActivationGradients& gradients, void* stream) {
  gpu::visit_activation_kind(problem, [&](auto kind) {
    start("activation backward", activation_gradient<decltype(kind)>,
          dim3(problem.shape.num_blocks()), gpu::kRowThreads, 0, stream, problem, gradients);
  });
}

}  // namespace longspan::cuda
