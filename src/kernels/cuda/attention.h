#pragma once

#include "kernels/gpu/attention_kinds.h"

namespace longspan::cuda {

/// Start the kernels of attention on the current device, behind what a stream holds.
/// @throws Error(Internal) when CUDA refuses the launch
void attention_forward(const gpu::AttentionCase& wanted, const gpu::AttentionProblem& problem,
                       const gpu::AttentionOutputs& outputs, void* stream);
void attention_backward(const gpu::AttentionCase& wanted, const gpu::AttentionProblem& problem,
                        const gpu::AttentionGradients& gradients, void* stream);

}  // namespace longspan::cuda
