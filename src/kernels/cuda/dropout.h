#pragma once

#include <cstdint>

#include "longspan/core/philox.h"

namespace longspan::cuda {

/// Rows of multipliers [rows, width] to fill and the ids that they are counted by.
template <class Scalar>
struct MaskRows {
  Scalar* multipliers;
  const std::int64_t* row_ids;
  std::int64_t rows, width;
};

/// What all rows have in common; see row_math::RowMask.
struct MaskNumbers {
  PhiloxKey key;
  std::uint32_t step, first_block, keep;
};

/// Fills the rows with 0 or 65536 / keep on the current stream given as void*; see mask_layout.h
/// for which element uses which bits.
void draw_masks(const MaskRows<float>& rows, const MaskNumbers& numbers, void* stream);
void draw_masks(const MaskRows<double>& rows, const MaskNumbers& numbers, void* stream);

}  // namespace longspan::cuda
