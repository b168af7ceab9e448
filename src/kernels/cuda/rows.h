#pragma once

#include "kernels/gpu/dropout_rows.h"

namespace longspan::cuda {

/// Start kernels on rows on the current device, behind what a stream holds.
/// @throws Error(Internal) when CUDA refuses the launch
void dropout(const gpu::DropoutProblem& problem, void* stream);

}  // namespace longspan::cuda
