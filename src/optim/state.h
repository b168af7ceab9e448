#pragma once

#include <string>

#include "longspan/core/named_tensors.h"

namespace longspan {

/// Copies each tensor of `source` into the one of the same name in `target`; all is checked before
/// anything is copied.
/// @throws Error(Checkpoint) that names a missing, extra, repeated or misshapen tensor
void copy_state(const NamedTensors& source, const NamedTensors& target);

/// Returns zeros like each parameter, named "<slot>.<parameter name>".
NamedTensors zero_slot(const std::string& slot, const NamedTensors& parameters);

/// Throws unless every parameter is a contiguous float32 or float64 tensor, which the update loops
/// rely on.
void check_parameters(const NamedTensors& parameters);

/// Returns true where the kernels of kernels/tensor_updates.h take all parameters.
bool updates_in_one_launch(const NamedTensors& parameters);

/// Multiplies gradients by a factor of Optimizer::step. Returns false, and changes nothing, where
/// it is not a number. A GPU is waited for.
[[nodiscard]] bool multiply_gradients(const NamedTensors& parameters, const at::Tensor& factor);

}  // namespace longspan
