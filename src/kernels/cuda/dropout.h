#pragma once

#include <cstdint>

#include "longspan/core/philox.h"

namespace longspan::cuda {

/// Fills multipliers [rows, width] (0 or 65536 / keep) on the current stream given as void*; see
/// row_math.h for which element uses which bits.
void draw_masks(float* multipliers, const std::int64_t* row_ids, std::int64_t rows,
                std::int64_t width, PhiloxKey key, std::uint32_t step, std::uint32_t first_block,
                std::uint32_t keep, void* stream);

}  // namespace longspan::cuda
