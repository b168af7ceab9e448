#pragma once

#include <vector>

#include "longspan/model/transformer.h"
#include "model/linear.h"

namespace longspan {

/// Computes several linear layers of one input as one product, y_i = x W_i^T + b_i, in the dtype of
/// the computation; either all have a bias or none. In float32 and float64 each is a product of its
/// own. Gradients reach the float32 parameters in float32.
/// @param linears at most three
std::vector<at::Tensor> project(const at::Tensor& x, const std::vector<const Linear*>& linears,
                                const ForwardOptions& options);

}  // namespace longspan
