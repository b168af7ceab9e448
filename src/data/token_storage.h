#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "data/shard_blocks.h"
#include "longspan/data/shards.h"

namespace longspan {

/// A piece of a stream: ids in memory or in a mapped shard.
struct TokenSegment {
  std::shared_ptr<const void> owner;  ///< keeps the ids alive
  const std::byte* ids = nullptr;     ///< little-endian, aligned to their size
  std::int64_t bytes_per_token = 0;   ///< 2 (unsigned) or 4
  std::int64_t first = 0;             ///< place of the first id in the stream
  std::int64_t count = 0;
  std::shared_ptr<const ShardBlocks> blocks;  ///< checks ids on their first use; none in memory
};

struct TokenStream::Storage {
  std::vector<TokenSegment> segments;  ///< in order, without a gap
  std::int64_t size = 0;
};

}  // namespace longspan
