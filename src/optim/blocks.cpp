// All tensors are cut into blocks that one parallel loop goes through, so that many small tensors
// do not cost a fork each.

#include "optim/blocks.h"

#include <ATen/Parallel.h>

#include <algorithm>

namespace longspan {
namespace {

constexpr std::int64_t kBlockElements = 16384;
// Below this a parallel loop costs more than it saves.
constexpr std::int64_t kBlocksPerThread = 4;

}  // namespace

std::vector<Block> cut_blocks(const std::vector<std::int64_t>& sizes) {
  std::vector<Block> blocks;
  for (std::size_t tensor = 0; tensor < sizes.size(); ++tensor) {
    for (std::int64_t begin = 0; begin < sizes[tensor]; begin += kBlockElements) {
      blocks.push_back({tensor, begin, std::min(begin + kBlockElements, sizes[tensor])});
    }
  }
  return blocks;
}

void for_each_block(const std::vector<Block>& blocks,
                    const std::function<void(std::size_t, const Block&)>& work) {
  at::parallel_for(0, static_cast<std::int64_t>(blocks.size()), kBlocksPerThread,
                   [&](std::int64_t begin, std::int64_t end) {
                     for (auto number = static_cast<std::size_t>(begin);
                          number < static_cast<std::size_t>(end); ++number) {
                       work(number, blocks[number]);
                     }
                   });
}

}  // namespace longspan
