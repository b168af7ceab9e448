#pragma once

#include <ATen/core/Tensor.h>

namespace longspan {

/// Adds the gradient d_y^T x of a weight W, y = x W^T, to a sum that is made when it is undefined.
/// @param d_weight_OI float32 of narrow factors, else of their dtype
void add_weight_gradient(at::Tensor& d_weight_OI, const at::Tensor& d_y_NO, const at::Tensor& x_NI);

}  // namespace longspan
