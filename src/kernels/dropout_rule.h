#pragma once

#include "kernels/row_math.h"
#include "longspan/kernels/dropout.h"

namespace longspan {

/// What the mask of a row follows from, besides the row's id.
struct DropoutRule {
  double p = 0.0;
  DropoutKey key;
  std::int64_t head = 0;  ///< separates the heads of attention probabilities; < 4096; 0 elsewhere
};

/// Returns the rule of one row.
row_math::RowMask row_mask(const DropoutRule& rule, std::int64_t row_id);

/// Returns how many of 65536 draws keep an element.
std::uint32_t keep_threshold(double p);

/// Returns the multipliers (0 or 1/keep) of rows [N, D] on the device of row_ids_N.
/// @param dtype of what they multiply: they are float64 for float64, else float32
at::Tensor dropout_multipliers(const at::Tensor& row_ids_N, std::int64_t width,
                               const DropoutRule& rule, at::ScalarType dtype);

}  // namespace longspan
