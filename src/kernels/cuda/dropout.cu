// Draws the same dropout masks as row_math.cpp on a GPU: one thread makes the eight elements of one
// Philox block.

#include "kernels/cuda/dropout.h"

namespace longspan::cuda {
namespace {

constexpr std::int64_t kLanes = 8;
constexpr std::int64_t kChunk = 64;

__global__ void draw(float* multipliers, const std::int64_t* row_ids, std::int64_t rows,
                     std::int64_t width, PhiloxKey key, std::uint32_t step,
                     std::uint32_t first_block, std::uint32_t keep) {
  const std::int64_t blocks = (width + kChunk - 1) / kChunk * kLanes;
  const std::int64_t task = blockIdx.x * static_cast<std::int64_t>(blockDim.x) + threadIdx.x;
  if (task >= rows * blocks) return;
  const std::int64_t row = task / blocks, block = task % blocks;
  const auto row_id = static_cast<std::uint64_t>(row_ids[row]);
  const PhiloxCounter words =
      philox({{static_cast<std::uint32_t>(row_id), static_cast<std::uint32_t>(row_id >> 32), step,
               first_block + static_cast<std::uint32_t>(block)}},
             key);
  const float scale = 65536.0f / static_cast<float>(keep);
  const std::int64_t begin = block / kLanes * kChunk + block % kLanes;
  for (int piece = 0; piece < 8; ++piece) {
    const std::int64_t column = begin + piece * kLanes;
    if (column >= width) return;
    const std::uint32_t bits = (words.x[piece / 2] >> (16 * (piece % 2))) & 0xffffu;
    multipliers[row * width + column] = bits < keep ? scale : 0.0f;
  }
}

}  // namespace

void draw_masks(float* multipliers, const std::int64_t* row_ids, std::int64_t rows,
                std::int64_t width, PhiloxKey key, std::uint32_t step, std::uint32_t first_block,
                std::uint32_t keep, void* stream) {
  constexpr int kThreads = 256;
  const std::int64_t tasks = rows * ((width + kChunk - 1) / kChunk * kLanes);
  const auto grid = static_cast<unsigned>((tasks + kThreads - 1) / kThreads);
  if (grid == 0) return;
  draw<<<grid, kThreads, 0, static_cast<cudaStream_t>(stream)>>>(multipliers, row_ids, rows, width,
                                                                 key, step, first_block, keep);
}

}  // namespace longspan::cuda
