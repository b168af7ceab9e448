#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace longspan {

/// Elements [begin, end) of tensor number `tensor` of a list.
struct Block {
  std::size_t tensor = 0;
  std::int64_t begin = 0;
  std::int64_t end = 0;
};

/// Cuts a list of tensors with these numbers of elements into blocks of a fixed size. The blocks
/// are a function of the sizes alone, so that results formed block by block do not depend on the
/// number of threads.
std::vector<Block> cut_blocks(const std::vector<std::int64_t>& sizes);
/// Calls work(number, block) for every block, on several threads.
void for_each_block(const std::vector<Block>& blocks,
                    const std::function<void(std::size_t, const Block&)>& work);

}  // namespace longspan
