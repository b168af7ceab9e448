#pragma once

#include "kernels/gpu/cross_entropy.h"

namespace longspan::cuda {

/// Start the kernels of cross-entropy on the current device, behind what a stream holds.
/// @throws Error(Internal) when CUDA refuses the launch
void cross_entropy(gpu::GradientType type, const gpu::LogitRows& rows,
                   const gpu::LossOutputs& outputs, void* stream);
void target_log_probabilities(const gpu::LogitRows& rows, float* out_N, void* stream);

}  // namespace longspan::cuda
