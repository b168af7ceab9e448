// Draws the same dropout masks as row_math.cpp on a GPU: one thread makes the eight elements of one
// Philox block.

#include "kernels/cuda/dropout.h"
#include "kernels/cuda/start.h"
#include "kernels/mask_layout.h"
#include "longspan/core/ceil_divide.h"

namespace longspan::cuda {
namespace {

__global__ void draw(MaskRows rows, MaskNumbers numbers, std::int64_t blocks_of_row) {
  const std::int64_t task = blockIdx.x * static_cast<std::int64_t>(blockDim.x) + threadIdx.x;
  if (task >= rows.rows * blocks_of_row) return;
  const std::int64_t row = task / blocks_of_row, block = task % blocks_of_row;
  const auto row_id = static_cast<std::uint64_t>(rows.row_ids[row]);
  const PhiloxCounter words =
      philox({{static_cast<std::uint32_t>(row_id), static_cast<std::uint32_t>(row_id >> 32),
               numbers.step, numbers.first_block + static_cast<std::uint32_t>(block)}},
             numbers.key);
  const float scale = 65536.0f / static_cast<float>(numbers.keep);
  const std::int64_t begin = block / kMaskLanes * kMaskChunk + block % kMaskLanes;
  for (int piece = 0; piece < kMaskPieces; ++piece) {
    const std::int64_t column = begin + piece * kMaskLanes;
    if (column >= rows.width) return;
    const std::uint32_t bits = (words.x[piece / 2] >> (16 * (piece % 2))) & 0xffffu;
    rows.multipliers[row * rows.width + column] = bits < numbers.keep ? scale : 0.0f;
  }
}

}  // namespace

void draw_masks(const MaskRows& rows, const MaskNumbers& numbers, void* stream) {
  constexpr int kThreads = 256;
  const std::int64_t blocks_of_row = ceil_divide(rows.width, kMaskChunk) * kMaskLanes;
  const auto grid =
      static_cast<unsigned>(ceil_divide<std::int64_t>(rows.rows * blocks_of_row, kThreads));
  if (grid == 0) return;
  draw<<<grid, kThreads, 0, static_cast<cudaStream_t>(stream)>>>(rows, numbers, blocks_of_row);
  check(cudaGetLastError(), "dropout masks");
}

}  // namespace longspan::cuda
