#include "kernels/cuda/residual_norm.h"

#include "kernels/cuda/start.h"
#include "kernels/cuda/thread.h"

namespace longspan::cuda {
namespace {

template <class Kind>
__global__ void residual_norm(gpu::ResidualNormProblem problem, gpu::ResidualNormOutputs outputs) {
  Thread thread;
  Kind::forward(thread, static_cast<int>(blockDim.x), problem, outputs);
}

template <class Kind>
__global__ void residual_norm_gradient(gpu::ResidualNormProblem problem,
                                       gpu::ResidualNormGradients gradients) {
  Thread thread;
  Kind::backward(thread, static_cast<int>(blockDim.x), static_cast<int>(gridDim.x), problem,
                 gradients);
}

}  // namespace

void residual_norm_forward(const gpu::RowCase& wanted, const gpu::ResidualNormProblem& problem,
                           const gpu::ResidualNormOutputs& outputs, void* stream) {
  gpu::visit_residual_norm(wanted, [&](auto kind) {
    using Kind = decltype(kind);
    start("residual norm", residual_norm<Kind>, dim3(problem.num_rows),
          Kind::num_warps(problem.width) * gpu::kWarpSize, Kind::kSharedBytes, stream, problem,
          outputs);
  });
}

void residual_norm_backward(const gpu::RowCase& wanted, const gpu::ResidualNormProblem& problem,
                            const gpu::ResidualNormGradients& gradients, void* stream) {
  gpu::visit_residual_norm(wanted, [&](auto kind) {
    using Kind = decltype(kind);
    start("gradient of residual norm", residual_norm_gradient<Kind>,
          dim3(gpu::num_parts(problem.num_rows)), Kind::num_warps(problem.width) * gpu::kWarpSize,
          Kind::kSharedBytes, stream, problem, gradients);
  });
}

}  // namespace longspan::cuda
