#pragma once

#include "kernels/gpu/activation_rows.h"
#include "kernels/gpu/dropout_rows.h"
#include "kernels/gpu/rotation_rows.h"

namespace longspan::cuda {

/// Start kernels on rows on the current device, behind what a stream holds.
/// @throws Error(Internal) when CUDA refuses the launch
void dropout(const gpu::DropoutProblem& problem, void* stream);
void activation_forward(const gpu::ActivationProblem& problem, std::uint16_t* out_NF, void* stream);
void activation_backward(const gpu::ActivationProblem& problem,
                         const gpu::ActivationGradients& gradients, void* stream);
void rotation(const gpu::RotationProblem& problem, void* stream);

}  // namespace longspan::cuda
