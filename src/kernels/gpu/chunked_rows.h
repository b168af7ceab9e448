#pragma once

#include "kernels/gpu/element.h"
#include "kernels/mask_layout.h"
#include "longspan/core/philox.h"

/// How rows of elements are spread over threads: eight neighbours to a thread, which it moves as 16
/// bytes.
namespace longspan::gpu {

inline constexpr int kRowThreads = 256;
inline constexpr int kNeighbours = 8;
/// Threads number themselves, or chunks, as int, up to the end of the last block.
inline constexpr std::int64_t kMostThreads = 0x7fffffff - kRowThreads, kMostChunks = kMostThreads;

/// Rows [num_rows, width], each in chunks of the mask rule. Eight threads side by side have a
/// chunk, whose threads beyond the width have no elements.
struct ChunkedRows {
  int num_rows, width;  ///< width: a multiple of kNeighbours

  LONGSPAN_HOST_DEVICE int chunks_of_row() const {
    return (width + int(kMaskChunk) - 1) / int(kMaskChunk);
  }
  /// The chunks of all rows must be fewer than kMostChunks.
  int num_blocks() const {
    constexpr int kChunks = kRowThreads / int(kMaskLanes);
    return (num_rows * chunks_of_row() + kChunks - 1) / kChunks;
  }
};

/// Where a thread's neighbours lie. Grid: num_blocks of kRowThreads.
struct Place {
  int row, chunk;
  bool has_row, has_elements;
  std::int64_t offset;  ///< of the first

  template <class Thread>
  LONGSPAN_DEVICE Place(Thread& thread, const ChunkedRows& shape) {
    constexpr int kLanes = int(kMaskLanes);
    const int number = thread.block_x() * (kRowThreads / kLanes) + thread.index() / kLanes;
    row = number / shape.chunks_of_row();
    chunk = number - row * shape.chunks_of_row();
    const int column = chunk * int(kMaskChunk) + thread.index() % kLanes * kNeighbours;
    has_row = row < shape.num_rows;
    has_elements = has_row && column < shape.width;
    offset = std::int64_t{row} * shape.width + column;
  }
};

/// Eight neighbours as numbers to compute with.
struct Numbers {
  float x[kNeighbours];
};

template <class Element, class Thread>
LONGSPAN_DEVICE Numbers load_numbers(Thread& thread, const std::uint16_t* from) {
  const Wide wide = thread.load(reinterpret_cast<const Wide*>(from));
  Numbers numbers;
  LONGSPAN_UNROLL
  for (int i = 0; i < kNeighbours; ++i)
    numbers.x[i] = thread.template unpack<Element>(wide.x[i / 2], i % 2);
  return numbers;
}

template <class Element, class Thread>
LONGSPAN_DEVICE void store_numbers(Thread& thread, std::uint16_t* to, const Numbers& numbers) {
  Wide wide;
  LONGSPAN_UNROLL
  for (int i = 0; i < kNeighbours; i += 2)
    wide.x[i / 2] = thread.template pack<Element>(numbers.x[i], numbers.x[i + 1]);
  thread.store(reinterpret_cast<Wide*>(to), wide);
}

/// Calls visit(BFloat16{}) or visit(Float16{}).
template <class Visit>
void visit_element(bool is_bfloat16, const Visit& visit) {
  if (is_bfloat16)
    visit(BFloat16{});
  else
    visit(Float16{});
}

}  // namespace longspan::gpu
