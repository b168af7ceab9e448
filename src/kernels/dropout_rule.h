#pragma once

#include <vector>

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

/// The multipliers of one row after the other, each drawn where it is asked for.
/// @tparam Scalar float or double
template <class Scalar>
class RowMasks {
 public:
  /// @param row_ids null: there is no dropout
  RowMasks(const DropoutRule& rule, const std::int64_t* row_ids, std::int64_t width)
      : rule_(rule),
        row_ids_(row_ids),
        mask_(static_cast<std::size_t>(row_ids == nullptr ? 0 : width)) {}

  /// Returns null without dropout.
  const Scalar* of(std::int64_t row) {
    if (row_ids_ == nullptr) return nullptr;
    row_math::draw_mask(mask_.data(), static_cast<std::int64_t>(mask_.size()),
                        row_mask(rule_, row_ids_[row]));
    return mask_.data();
  }

 private:
  DropoutRule rule_;
  const std::int64_t* row_ids_;
  std::vector<Scalar> mask_;
};

/// Returns how many of 65536 draws keep an element.
std::uint32_t keep_threshold(double p);

/// Returns the multipliers (0 or 1/keep) of rows [N, D] on the device of row_ids_N.
/// @param dtype of what they multiply: they are float64 for float64, else float32
at::Tensor dropout_multipliers(const at::Tensor& row_ids_N, std::int64_t width,
                               const DropoutRule& rule, at::ScalarType dtype);

}  // namespace longspan
