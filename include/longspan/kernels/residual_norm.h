#pragma once

#include <ATen/core/Tensor.h>

#include <optional>

#include "longspan/kernels/dropout.h"

namespace longspan {

/// Normalises rows over their last side: layer norm (Ba, Kiros, Hinton, arXiv:1607.06450), or by
/// the root mean square (Zhang and Sennrich, arXiv:1910.07467).
struct NormWeights {
  at::Tensor weight_D, bias_D;  ///< float; bias undefined: none
  double eps = 1e-5;
  bool centred = true;  ///< layer norm
};

struct SumAndNorm {
  at::Tensor sum, normed;
};

/// Returns norm(x), computed in float32 (float64 for float64) and rounded once.
/// @param x float [..., D]  @return of dtype
at::Tensor normalized(const at::Tensor& x, const NormWeights& norm, at::ScalarType dtype);

/// Returns x + dropout(branch), as x. @param branch as x
at::Tensor residual_sum(const at::Tensor& x, const at::Tensor& branch,
                        const std::optional<RowDropout>& dropout);

/// Returns residual_sum and its normalized, in one pass over memory where a kernel has it.
SumAndNorm residual_norm(const at::Tensor& x, const at::Tensor& branch,
                         const std::optional<RowDropout>& dropout, const NormWeights& norm,
                         at::ScalarType dtype);

}  // namespace longspan
