#include "kernels/cuda/cross_entropy.h"
#include "kernels/cuda/start.h"
#include "kernels/cuda/thread.h"

namespace longspan::cuda {
namespace {

// Two blocks or more a multiprocessor: one reads while the other adds up.
constexpr int kBlocksAtOnce = 2;

template <class Kernel>
__global__ void __launch_bounds__(gpu::RowOfLogits::kThreads, kBlocksAtOnce)
    loss(gpu::LogitRows rows, gpu::LossOutputs outputs) {
  Thread thread;
  Kernel::run(thread, rows, outputs);
}

__global__ void __launch_bounds__(gpu::RowOfLogits::kThreads, kBlocksAtOnce)
    log_probabilities(gpu::LogitRows rows, float* out_N) {
  Thread thread;
  gpu::TargetLogProbabilities::run(thread, rows, out_N);
}

}  // namespace

void cross_entropy(gpu::GradientType type, const gpu::LogitRows& rows,
                   const gpu::LossOutputs& outputs, void* stream) {
  gpu::visit_cross_entropy(type, [&](auto kernel) {
    using Kernel = decltype(kernel);
    start("cross-entropy", loss<Kernel>, dim3(rows.num_rows), Kernel::kThreads,
          Kernel::kSharedBytes, stream, rows, outputs);
  });
}

void target_log_probabilities(const gpu::LogitRows& rows, float* out_N, void* stream) {
  using Kernel = gpu::TargetLogProbabilities;
  start("target log-probabilities", log_probabilities, dim3(rows.num_rows), Kernel::kThreads,
        Kernel::kSharedBytes, stream, rows, out_N);
}

}  // namespace longspan::cuda
