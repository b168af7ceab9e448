#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "longspan/core/files.h"

namespace longspan {

inline constexpr std::size_t kShardHeaderBytes = 64;

/// What a shard's header says; FORMAT.md gives the bytes.
struct ShardHeader {
  std::int64_t bytes_per_token = 2;  ///< 2 or 4
  std::int64_t num_tokens = 0;
  std::int64_t first_token = 0;  ///< place of the first token in its split
  std::string digest;            ///< XXH3-128 of the payload, 32 hexadecimal digits
};

/// Writes a shard. @param payload num_tokens ids of bytes_per_token bytes, little-endian @throws
/// Error(Io)
void write_shard(const std::filesystem::path& path, const ShardHeader& header,
                 std::span<const std::byte> payload);
/// Returns the header after checking it against the format and the file's size.
/// @throws Error(Data) that names path, what must be there and what is
ShardHeader read_shard_header(const MappedFile& file, const std::filesystem::path& path);
/// Returns the ids of a shard whose header was read.
std::span<const std::byte> shard_payload(const MappedFile& file);

}  // namespace longspan
