#include "kernels/cuda/rows.h"
#include "kernels/cuda/start.h"
#include "kernels/cuda/thread.h"

namespace longspan::cuda {
namespace {

template <class Element>
__global__ void __launch_bounds__(gpu::kRowThreads) dropout_rows(gpu::DropoutProblem problem) {
  Thread thread;
  gpu::DropoutRows<Element>::run(thread, problem);
}

}  // namespace

void dropout(const gpu::DropoutProblem& problem, void* stream) {
  gpu::visit_element(problem.is_bfloat16, [&](auto element) {
    start("dropout", dropout_rows<decltype(element)>, dim3(problem.shape.num_blocks()),
          gpu::kRowThreads, 0, stream, problem);
  });
}

}  // namespace longspan::cuda
