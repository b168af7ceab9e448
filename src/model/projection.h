#pragma once

#include <vector>

#include "longspan/model/transformer.h"
#include "model/linear.h"

namespace longspan {

/// Returns the weights of linear layers that project() makes one product of, and their biases where
/// they have some.
std::vector<Company> companies_of(const std::vector<const Linear*>& linears);

/// Computes several linear layers of one input as one product, y_i = x W_i^T + b_i, in the dtype of
/// the computation; either all have a bias or none. In float32 and float64 each is a product of its
/// own. Gradients reach the float32 parameters in float32.
/// @param linears at most three
std::vector<at::Tensor> project(const at::Tensor& x, const std::vector<const Linear*>& linears,
                                const ForwardOptions& options);

/// Computes y = x W with the matrix of a linear layer without bias that goes the other way, as
/// project() does. @param x_NO [N, out]  @return [N, in]
at::Tensor project_back(const at::Tensor& x_NO, const Linear& linear,
                        const ForwardOptions& options);

}  // namespace longspan
