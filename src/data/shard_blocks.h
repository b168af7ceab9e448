#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>

#include "data/shard_file.h"
#include "longspan/core/files.h"

namespace longspan {

/// The ids of a mapped shard. Each block of them is held against its checksum before its first use.
class ShardBlocks {
 public:
  /// @param header as read_shard_header() returned it
  ShardBlocks(std::filesystem::path path, std::shared_ptr<const MappedFile> file,
              const ShardHeader& header);

  /// Checks the blocks of tokens [begin, begin + count) of the shard that were not checked yet. May
  /// be called by several threads at once, which may then both check a block.
  /// @throws Error(Data) that names the shard, the block's tokens, and both checksums
  void check_tokens(std::int64_t begin, std::int64_t count) const;

 private:
  void check_block(std::size_t block) const;

  std::filesystem::path path_;
  std::shared_ptr<const MappedFile> file_;
  std::int64_t bytes_per_token_;
  std::span<const std::byte> ids_;
  std::span<const std::uint64_t> checksums_;
  std::unique_ptr<std::atomic<bool>[]> is_checked_;  // by block
};

}  // namespace longspan
