#pragma once

#include <ATen/core/Tensor.h>

namespace longspan {

/// Returns rows of x, each at most once; differentiable. The gradient is gathered by `places`,
/// where that of index_select is added up after a sort on a GPU that must give the same bits.
/// @param rows_M int64, distinct  @param places_N int64, the place of row n in rows_M; M: not taken
at::Tensor take_rows(const at::Tensor& x_ND, const at::Tensor& rows_M, const at::Tensor& places_N);

}  // namespace longspan
