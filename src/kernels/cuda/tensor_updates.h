#pragma once

#include "kernels/gpu/tensor_updates.h"

namespace longspan::cuda {

/// Start kernels on many tensors on the current device, behind what a stream holds.
/// @throws Error(Internal) when CUDA refuses the launch
void gradient_squares(const gpu::TensorTable& table, double* sums_C, void* stream);
void gradient_norm(const gpu::NormProblem& problem, const gpu::NormOutputs& outputs, void* stream);
void momentum_update(const gpu::TensorTable& table, const gpu::MomentumNumbers& numbers,
                     const double* factor, void* stream);
void adamw_update(const gpu::TensorTable& table, const gpu::AdamWNumbers& numbers,
                  const double* factor, void* stream);
void narrow_copies(bool is_bfloat16, const gpu::TensorTable& table, void* stream);

}  // namespace longspan::cuda
