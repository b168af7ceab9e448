#pragma once

#include <ATen/core/Tensor.h>

#include <optional>

#include "longspan/kernels/activation_kind.h"
#include "longspan/kernels/dropout.h"

namespace longspan {

struct ActivationInput {
  at::Tensor x;     ///< float [..., F]
  at::Tensor gate;  ///< as x, of Swiglu; else undefined
};

/// Returns the activation of x, of Swiglu silu(gate) * x, and drops elements of it where a dropout
/// is given. Differentiable in x and gate.
/// @return as x
at::Tensor activated(Activation activation, const ActivationInput& input,
                     const std::optional<RowDropout>& dropout);

}  // namespace longspan
