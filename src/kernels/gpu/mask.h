#pragma once

#include "kernels/gpu/element.h"
#include "kernels/mask_layout.h"
#include "longspan/core/philox.h"

namespace longspan::gpu {

/// What the masks of a dropout follow from, besides the ids of its rows; see row_math::RowMask.
struct MaskRule {
  PhiloxKey key;
  std::uint32_t step, keep;  ///< keep: of 65536

  /// What a kept element is multiplied by.
  LONGSPAN_DEVICE float scale() const { return 65536.0f / static_cast<float>(keep); }

  /// Returns which of the elements lane, lane + 8, ... lane + 56 of a chunk of 64 are kept, one bit
  /// each; see mask_layout.h.
  LONGSPAN_DEVICE std::uint32_t kept(std::int64_t row_id, int head, int chunk, int lane) const {
    const auto row = static_cast<std::uint64_t>(row_id);
    const std::uint32_t block = (static_cast<std::uint32_t>(head) << 20) +
                                static_cast<std::uint32_t>(chunk * int(kMaskLanes) + lane);
    const PhiloxCounter words = philox(
        {{static_cast<std::uint32_t>(row), static_cast<std::uint32_t>(row >> 32), step, block}},
        key);
    std::uint32_t bits = 0;
    LONGSPAN_UNROLL
    for (int piece = 0; piece < kMaskPieces; ++piece) {
      const std::uint32_t drawn = (words.x[piece / 2] >> (16 * (piece % 2))) & 0xffffu;
      bits |= (drawn < keep ? 1u : 0u) << piece;
    }
    return bits;
  }
};

}  // namespace longspan::gpu
