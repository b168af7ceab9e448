#pragma once

#include "kernels/gpu/residual_norm_kinds.h"

namespace longspan::cuda {

/// Start the kernels of the residual stream on the current device, behind what a stream holds.
/// @throws Error(Internal) when CUDA refuses the launch
void residual_norm_forward(const gpu::RowCase& wanted, const gpu::ResidualNormProblem& problem,
                           const gpu::ResidualNormOutputs& outputs, void* stream);
void residual_norm_backward(const gpu::RowCase& wanted, const gpu::ResidualNormProblem& problem,
                            const gpu::ResidualNormGradients& gradients, void* stream);

}  // namespace longspan::cuda
