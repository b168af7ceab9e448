#include "kernels/cuda/attention.h"
#include "kernels/cuda/start.h"
#include "kernels/cuda/thread.h"

namespace longspan::cuda {
namespace {

template <class Kind>
__global__ void __launch_bounds__(gpu::kThreads, 1)
    backward_queries(gpu::AttentionProblem problem, gpu::AttentionGradients gradients) {
  Thread thread;
  gpu::AttentionBackwardQueries<Kind>::run(thread, problem, gradients);
}

template <class Kind>
__global__ void __launch_bounds__(gpu::kThreads, 1)
    backward_keys(gpu::AttentionProblem problem, gpu::AttentionGradients gradients) {
  Thread thread;
  gpu::AttentionBackwardKeys<Kind>::run(thread, problem, gradients);
}

}  // namespace

void attention_backward(const gpu::AttentionCase& wanted, const gpu::AttentionProblem& problem,
                        const gpu::AttentionGradients& gradients, void* stream) {
  gpu::visit_attention_kind(wanted, [&](auto kind) {
    using Queries = gpu::AttentionBackwardQueries<decltype(kind)>;
    using Keys = gpu::AttentionBackwardKeys<decltype(kind)>;
    const dim3 by_queries(Queries::num_blocks(problem.num_queries), problem.num_heads,
                          problem.num_sequences);
    start("attention backward by queries", backward_queries<decltype(kind)>, by_queries,
          gpu::kThreads, Queries::kSharedBytes, stream, problem, gradients);
    const dim3 by_keys(Keys::num_blocks(problem.num_keys), problem.num_kv_heads,
                       problem.num_sequences);
    start("attention backward by keys", backward_keys<decltype(kind)>, by_keys, gpu::kThreads,
          Keys::kSharedBytes, stream, problem, gradients);
  });
}

}  // namespace longspan::cuda
