#pragma once

#include <ATen/core/Tensor.h>

namespace longspan {

/// Adds the gradient d_y^T x of a weight W, y = x W^T, to a sum that is made when it is undefined.
/// @param d_weight_OI float32 of narrow factors, else of their dtype
void add_weight_gradient(at::Tensor& d_weight_OI, const at::Tensor& d_y_NO, const at::Tensor& x_NI);

/// Returns the sums of a matrix's columns, float32 of narrow numbers, else of their dtype: the
/// gradient of a bias. The same bits on any number of threads.
at::Tensor column_sums(const at::Tensor& x_NO);

/// Adds rows to those of a sum that ids name: the gradient of an embedding. The same bits on any
/// number of threads.
/// @param sum_VD float32, contiguous  @param ids_N int64, < V  @param rows_ND float32
void add_rows(at::Tensor& sum_VD, const at::Tensor& ids_N, const at::Tensor& rows_ND);

}  // namespace longspan
