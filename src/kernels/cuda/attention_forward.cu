#include "kernels/cuda/attention.h"
#include "kernels/cuda/start.h"
#include "kernels/cuda/thread.h"

namespace longspan::cuda {
namespace {

template <class Kind>
__global__ void __launch_bounds__(gpu::kThreads, 1)
    forward(gpu::AttentionProblem problem, gpu::AttentionOutputs outputs) {
  Thread thread;
  gpu::AttentionForward<Kind>::run(thread, problem, outputs);
}

}  // namespace

void attention_forward(const gpu::AttentionCase& wanted, const gpu::AttentionProblem& problem,
                       const gpu::AttentionOutputs& outputs, void* stream) {
  gpu::visit_attention_kind(wanted, [&](auto kind) {
    using Forward = gpu::AttentionForward<decltype(kind)>;
    const dim3 grid(Forward::num_blocks(problem.num_queries), problem.num_heads,
                    problem.num_sequences);
    start("attention forward", forward<decltype(kind)>, grid, gpu::kThreads, Forward::kSharedBytes,
          stream, problem, outputs);
  });
}

}  // namespace longspan::cuda
