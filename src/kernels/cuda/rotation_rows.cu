#include "kernels/cuda/rows.h"
#include "kernels/cuda/start.h"
#include "kernels/cuda/thread.h"

namespace longspan::cuda {
namespace {

template <class Kernel>
__global__ void __launch_bounds__(gpu::kRowThreads) rotate(gpu::RotationProblem problem) {
  Thread thread;
  Kernel::run(thread, problem);
}

}  // namespace

void rotation(const gpu::RotationProblem& problem, void* stream) {
  gpu::visit_rotation(problem, [&](auto kernel) {
    start("rotation", rotate<decltype(kernel)>, dim3(problem.num_blocks()), gpu::kRowThreads, 0,
          stream, problem);
  });
}

}  // namespace longspan::cuda
