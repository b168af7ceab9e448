#include "kernels/cuda/tensor_updates.h"

#include "kernels/cuda/start.h"
#include "kernels/cuda/thread.h"
#include "kernels/gpu/chunked_rows.h"

namespace longspan::cuda {
namespace {

__global__ void __launch_bounds__(gpu::kUpdateThreads)
    sum_squares(gpu::TensorTable table, double* sums_C) {
  Thread thread;
  gpu::GradientSquares::run(thread, table, sums_C);
}

__global__ void __launch_bounds__(gpu::kUpdateThreads)
    finish_norm(gpu::NormProblem problem, gpu::NormOutputs outputs) {
  Thread thread;
  gpu::GradientNorm::run(thread, problem, outputs);
}

__global__ void __launch_bounds__(gpu::kUpdateThreads)
    momentum(gpu::TensorTable table, gpu::MomentumNumbers numbers, const double* factor) {
  Thread thread;
  gpu::MomentumUpdate::run(thread, table, numbers, factor);
}

__global__ void __launch_bounds__(gpu::kUpdateThreads)
    adamw(gpu::TensorTable table, gpu::AdamWNumbers numbers, const double* factor) {
  Thread thread;
  gpu::AdamWUpdate::run(thread, table, numbers, factor);
}

template <class Element>
__global__ void __launch_bounds__(gpu::kUpdateThreads) copy_narrow(gpu::TensorTable table) {
  Thread thread;
  gpu::NarrowCopies<Element>::run(thread, table);
}

}  // namespace

void gradient_squares(const gpu::TensorTable& table, double* sums_C, void* stream) {
  start("squares of gradients", sum_squares, dim3(table.num_chunks), gpu::kUpdateThreads,
        gpu::GradientSquares::kSharedBytes, stream, table, sums_C);
}

void gradient_norm(const gpu::NormProblem& problem, const gpu::NormOutputs& outputs, void* stream) {
  start("norm of gradients", finish_norm, dim3(1), gpu::kUpdateThreads,
        gpu::GradientNorm::kSharedBytes, stream, problem, outputs);
}

void momentum_update(const gpu::TensorTable& table, const gpu::MomentumNumbers& numbers,
                     const double* factor, void* stream) {
  start("momentum update", momentum, dim3(table.num_chunks), gpu::kUpdateThreads, 0, stream, table,
        numbers, factor);
}

void adamw_update(const gpu::TensorTable& table, const gpu::AdamWNumbers& numbers,
                  const double* factor, void* stream) {
  start("AdamW update", adamw, dim3(table.num_chunks), gpu::kUpdateThreads, 0, stream, table,
        numbers, factor);
}

void narrow_copies(bool is_bfloat16, const gpu::TensorTable& table, void* stream) {
  gpu::visit_element(is_bfloat16, [&](auto element) {
    start("narrow copies", copy_narrow<decltype(element)>, dim3(table.num_chunks),
          gpu::kUpdateThreads, 0, stream, table);
  });
}

}  // namespace longspan::cuda
