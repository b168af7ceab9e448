#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "data/shard_list.h"
#include "longspan/core/json.h"

namespace longspan {

/// Tokens of a shard, but for the last of a split; 64 MiB at four bytes.
inline constexpr std::int64_t kShardTokens = std::int64_t{1} << 24;

/// Returns the bytes that every id of a vocabulary fits into: 2 or 4.
std::int64_t bytes_per_token(std::int64_t vocab_size);

/// Writes the ids of one split into shards named <split>-00000.bin and on.
class ShardWriter {
 public:
  ShardWriter(std::filesystem::path folder, std::string split, std::int64_t bytes_per_token,
              std::int64_t shard_tokens = kShardTokens);

  /// Takes further ids of the split. @throws Error(Io)
  void append(const std::vector<std::int32_t>& ids);
  /// Writes what is left and returns what the manifest says of the shards. @throws Error(Io)
  Json finish();
  /// Returns the number of ids taken so far.
  std::int64_t num_tokens() const { return first_token_ + buffered_tokens(); }

 private:
  std::int64_t buffered_tokens() const;
  void write_buffer();

  std::filesystem::path folder_;
  std::string split_;
  std::int64_t bytes_per_token_;
  std::int64_t shard_tokens_;
  std::vector<std::byte> buffer_;
  std::int64_t first_token_ = 0;  // of the buffer
  ShardList shards_;
};

}  // namespace longspan
