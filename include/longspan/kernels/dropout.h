#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace longspan {

/// Names the random numbers of one dropout: every mask bit is a function of these and of its own
/// place.
struct DropoutKey {
  std::uint64_t seed = 0;
  std::int64_t step = 0;   ///< optimizer step
  std::uint64_t site = 0;  ///< which dropout of the model
};

/// A dropout of rows.
struct RowDropout {
  double p = 0.0;
  DropoutKey key;
  at::Tensor row_ids;  ///< see dropout_row_ids
};

/// Returns the row ids that dropout counts by: sequence_id * 2^24 + position.
/// @param sequence_ids_B int64 [B], running number of each sequence over the run
/// @param first_position of the T positions; positions stay below 2^24
/// @return int64 [B, T] on the device of sequence_ids_B
at::Tensor dropout_row_ids(const at::Tensor& sequence_ids_B, std::int64_t first_position,
                           std::int64_t num_positions);

/// Zeroes each element with probability p and divides the others by the probability of keeping one.
/// The mask is drawn by counting (Philox; 16 bits an element, so p is rounded to a multiple of
/// 2^-16), not from a state: it does not depend on the split into batches, on threads or on the
/// device, and backward draws it again instead of keeping it.
/// @param x float [..., D]  @param row_ids int64 [...], one a row of x  @param p in [0, 1)
/// @return as x; x itself when p is 0
at::Tensor counted_dropout(const at::Tensor& x, const at::Tensor& row_ids, double p,
                           const DropoutKey& key);

}  // namespace longspan
