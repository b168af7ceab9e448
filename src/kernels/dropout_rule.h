#pragma once

#include "kernels/row_math.h"
#include "longspan/kernels/dropout.h"

namespace longspan {

/// Returns the rule of one row. @param head separates the heads of attention probabilities; < 4096;
/// 0 elsewhere
row_math::RowMask row_mask(const DropoutKey& key, double p, std::int64_t row_id, std::int64_t head);

/// Returns how many of 65536 draws keep an element.
std::uint32_t keep_threshold(double p);

/// Returns the multipliers (0 or 1/keep) of rows as float [N, D] on the device of row_ids_N.
at::Tensor dropout_multipliers(const at::Tensor& row_ids_N, std::int64_t width, double p,
                               const DropoutKey& key, std::int64_t head);

}  // namespace longspan
