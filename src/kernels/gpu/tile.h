#pragma once

#include "kernels/gpu/element.h"
#include "longspan/core/philox.h"

namespace longspan::gpu {

inline constexpr int kWarpSize = 32;
inline constexpr int kChunkBytes = 16, kChunkElements = 8;

LONGSPAN_HOST_DEVICE constexpr int ceil_tiles(int count, int tile) {
  return (count + tile - 1) / tile;
}

/// Some rows of a tensor of 2-byte elements: those from `first` on, up to `limit`; elements from
/// `width` on count as zero.
struct RowRange {
  const std::uint16_t* data;  ///< of row 0
  std::int64_t stride;        ///< elements from row to row
  int first, limit, width;
};

/// kRows x kColumns elements in shared memory. The 16-byte chunks of a row change places by its
/// number, so that eight rows of one column, and eight chunks of one row, lie in all 32 banks.
template <int kRows, int kColumns>
struct Tile {
  static constexpr int kChunks = kColumns / kChunkElements;
  static constexpr int kBytes = kRows * kColumns * 2;
  static constexpr int kRowBytes = kColumns * 2;
  static constexpr int kPlaces = kChunks < 8 ? kChunks : 8;

  int base;  ///< bytes from the start of shared memory

  LONGSPAN_DEVICE int offset(int row, int chunk) const {
    return base + row * kRowBytes + ((chunk ^ swizzle(row)) * kChunkBytes);
  }

  /// Starts to copy rows; all threads of the block take part.
  template <int kThreads, class Thread>
  LONGSPAN_DEVICE void copy(Thread& thread, const RowRange& rows) const {
    static_assert(kThreads % kChunks == 0 && kRows % (kThreads / kChunks) == 0);
    constexpr int kRowsAtOnce = kThreads / kChunks;
    const int row = thread.index() / kChunks, chunk = thread.index() % kChunks;
    const bool wide_enough = chunk * kChunkElements < rows.width;
    const std::uint16_t* source =
        rows.data + (rows.first + row) * rows.stride + chunk * kChunkElements;
    LONGSPAN_UNROLL
    for (int i = 0; i < kRows / kRowsAtOnce; ++i) {
      const int at = row + i * kRowsAtOnce;
      const bool inside = wide_enough && rows.first + at < rows.limit;
      thread.copy_async(offset(at, chunk), inside ? source : rows.data, inside);
      source += kRowsAtOnce * rows.stride;
    }
  }

  /// Rows [row, row + 16), columns [16 * step, + 16) as the left factor of a product.
  template <class Thread>
  LONGSPAN_DEVICE void left(Thread& thread, std::uint32_t (&a)[4], int row, int step) const {
    const int lane = thread.index() % kWarpSize;
    thread.template load_matrices<false>(a, lane_offset(row, lane % 16, step, lane / 16));
  }

  /// Rows [row, row + 16) as the columns of two right factors, b[0..1] and b[2..3], whose inner
  /// side are the columns [16 * step, + 16).
  template <class Thread>
  LONGSPAN_DEVICE void right(Thread& thread, std::uint32_t (&b)[4], int row, int step) const {
    const int lane = thread.index() % kWarpSize;
    thread.template load_matrices<false>(
        b, lane_offset(row, lane / 16 * 8 + lane % 8, step, lane / 8 % 2));
  }

  /// Rows [row, row + 16) as the inner side of two right factors, whose columns are the columns
  /// [16 * pair, + 16).
  template <class Thread>
  LONGSPAN_DEVICE void right_by_rows(Thread& thread, std::uint32_t (&b)[4], int row,
                                     int pair) const {
    const int lane = thread.index() % kWarpSize;
    thread.template load_matrices<true>(b, lane_offset(row, lane % 16, pair, lane / 16));
  }

 private:
  LONGSPAN_DEVICE static int swizzle(int row) { return (row & 15) / (8 / kPlaces) % kPlaces; }

  /// offset(row + lane_row, 2 * pair + lane_chunk) for a row that is a multiple of 16, put so that
  /// all that differs between lanes is found once.
  LONGSPAN_DEVICE int lane_offset(int row, int lane_row, int pair, int lane_chunk) const {
    const int lane_bits = (lane_chunk ^ swizzle(lane_row)) * kChunkBytes;
    const int chunk = 2 * pair, low = chunk % kPlaces, high = chunk - low;
    return base + row * kRowBytes + high * kChunkBytes + lane_row * kRowBytes +
           ((low * kChunkBytes) ^ lane_bits);
  }
};

/// Sums of one warp's product of 16 rows: element e of column tile n lies in row g + 8 * (e / 2),
/// column 8 * n + 2 * c + e % 2 for lane 4 * g + c.
template <int kTiles>
struct Sums {
  float x[kTiles][4];

  LONGSPAN_DEVICE void clear() {
    LONGSPAN_UNROLL
    for (int n = 0; n < kTiles; ++n) LONGSPAN_UNROLL
    for (int e = 0; e < 4; ++e) x[n][e] = 0.0f;
  }

  /// Columns [16 * step, + 16), rounded, as the left factor of the next product.
  template <class Element, class Thread>
  LONGSPAN_DEVICE void as_left(Thread& thread, std::uint32_t (&a)[4], int step) const {
    LONGSPAN_UNROLL
    for (int i = 0; i < 4; ++i) {
      const float* pair = x[2 * step + i / 2] + 2 * (i % 2);
      a[i] = thread.template pack<Element>(pair[0], pair[1]);
    }
  }

  /// Adds left [16, 16] times the two column tiles 2 * pair and 2 * pair + 1.
  template <class Element, class Thread>
  LONGSPAN_DEVICE void add_product(Thread& thread, int pair, const std::uint32_t (&a)[4],
                                   const std::uint32_t (&b)[4]) {
    thread.template multiply<Element>(x[2 * pair], a, b[0], b[1]);
    thread.template multiply<Element>(x[2 * pair + 1], a, b[2], b[3]);
  }
};

/// product = 16 rows of a tile times the rows of another from `right_row` on, each a column of the
/// product: inner products of rows.
template <class Element, int kLeftRows, int kRightRows, int kColumns, int kTiles, class Thread>
LONGSPAN_DEVICE void multiply_rows(Thread& thread, const Tile<kLeftRows, kColumns>& left,
                                   int left_row, const Tile<kRightRows, kColumns>& right,
                                   int right_row, Sums<kTiles>& product) {
  product.clear();
  LONGSPAN_UNROLL
  for (int step = 0; step < kColumns / 16; ++step) {
    std::uint32_t a[4];
    left.left(thread, a, left_row, step);
    LONGSPAN_UNROLL
    for (int pair = 0; pair < kTiles / 2; ++pair) {
      std::uint32_t b[4];
      right.right(thread, b, right_row + 16 * pair, step);
      product.template add_product<Element>(thread, pair, a, b);
    }
  }
}

/// Adds a left factor [16, 16] times the rows [row, row + 16) of a tile.
template <class Element, int kRows, int kColumns, class Thread>
LONGSPAN_DEVICE void add_mixed_rows(Thread& thread, const std::uint32_t (&a)[4],
                                    const Tile<kRows, kColumns>& right, int row,
                                    Sums<kColumns / 8>& sums) {
  LONGSPAN_UNROLL
  for (int pair = 0; pair < kColumns / 16; ++pair) {
    std::uint32_t b[4];
    right.right_by_rows(thread, b, row, pair);
    sums.template add_product<Element>(thread, pair, a, b);
  }
}

/// Writes a warp's 16 rows of sums, times a factor for each of a lane's two rows, through its own
/// rows of a tile to a tensor. No other warp may still read these rows of the tile.
template <class Element, int kRows, int kColumns, class Thread>
LONGSPAN_DEVICE void write_rows(Thread& thread, const Tile<kRows, kColumns>& tile, int tile_row,
                                const Sums<kColumns / 8>& sums, const float (&factor)[2],
                                std::uint16_t* data, std::int64_t stride, int first, int limit,
                                int width) {
  const int lane = thread.index() % kWarpSize, g = lane / 4, c = lane % 4;
  thread.synchronize_warp();
  LONGSPAN_UNROLL
  for (int n = 0; n < kColumns / 8; ++n) LONGSPAN_UNROLL
  for (int r = 0; r < 2; ++r)
    thread.store_shared(tile.offset(tile_row + g + 8 * r, n) + 4 * c,
                        thread.template pack<Element>(sums.x[n][2 * r] * factor[r],
                                                      sums.x[n][2 * r + 1] * factor[r]));
  thread.synchronize_warp();
  constexpr int kChunks = Tile<kRows, kColumns>::kChunks;
  for (int i = lane; i < 16 * kChunks; i += kWarpSize) {
    const int row = i / kChunks, chunk = i % kChunks;
    if (first + row >= limit || chunk * kChunkElements >= width) continue;
    const Wide value = thread.template load_shared<Wide>(tile.offset(tile_row + row, chunk));
    thread.store(reinterpret_cast<Wide*>(data + (first + row) * stride + chunk * kChunkElements),
                 value);
  }
}

}  // namespace longspan::gpu
