#pragma once

#include "kernels/gpu/chunked_rows.h"
#include "kernels/gpu/mask.h"

namespace longspan::gpu {

/// Returns which of a thread's eight neighbours are kept, one bit each. All threads of the warp
/// must call it; eight side by side have one chunk of one row, thread i of them its elements 8i to
/// 8i + 7. Those take one piece of the random bits of all eight lanes (mask_layout.h): each thread
/// draws one lane's, and votes tell the others, instead of each drawing all eight.
template <class Thread>
LONGSPAN_DEVICE std::uint32_t keep_bits_of_neighbours(Thread& thread, const MaskRule& rule,
                                                      std::int64_t row_id, int chunk) {
  const int lane = thread.index() % int(kMaskLanes);
  const int first_of_warp = thread.index() % 32 - lane;
  const std::uint32_t of_lane = rule.kept(row_id, 0, chunk, lane);
  std::uint32_t votes = 0;
  LONGSPAN_UNROLL
  for (int piece = 0; piece < kMaskPieces; ++piece) {
    const std::uint32_t of_piece = thread.ballot((of_lane >> piece & 1u) != 0);
    if (piece == lane) votes = of_piece;
  }
  return votes >> first_of_warp & 0xffu;
}

/// What a dropout needs of its rows.
struct RowMasks {
  const std::int64_t* row_ids_N;
  MaskRule rule;

  /// Returns a thread's eight multipliers, 0 or 1/keep. All threads of the warp must call it.
  template <class Thread>
  LONGSPAN_DEVICE Numbers multipliers(Thread& thread, const Place& place) const {
    const std::int64_t row_id = place.has_row ? thread.load(row_ids_N + place.row) : 0;
    const std::uint32_t kept = keep_bits_of_neighbours(thread, rule, row_id, place.chunk);
    const float scale = rule.scale();
    Numbers numbers;
    LONGSPAN_UNROLL
    for (int i = 0; i < kNeighbours; ++i) numbers.x[i] = (kept >> i & 1u) != 0 ? scale : 0.0f;
    return numbers;
  }
};

}  // namespace longspan::gpu
