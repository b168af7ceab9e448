#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "longspan/core/files.h"

namespace longspan {

inline constexpr std::size_t kShardHeaderBytes = 64;
inline constexpr std::size_t kShardBlockBytes = 65536;  ///< of ids, under one checksum

/// XXH3-128, in the order of its hexadecimal digits.
using Digest = std::array<std::uint8_t, 16>;
/// Returns a digest from 32 hexadecimal digits; nothing from another text.
std::optional<Digest> digest_bytes(std::string_view digits);
/// Returns the hexadecimal digits of a digest.
std::string digest_text(const Digest& digest);

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
/// Returns the header after checking all of the file but the ids: the header against the format
/// and the file's size, the padding, and the table of checksums against its own.
/// @throws Error(Data) that names path, what must be there and what is
ShardHeader read_shard_header(const MappedFile& file, const std::filesystem::path& path);
/// Returns the ids of a shard whose header was read.
std::span<const std::byte> shard_payload(const MappedFile& file, const ShardHeader& header);
/// Returns the checksums of a shard whose header was read: XXH3-64 of each kShardBlockBytes of its
/// ids.
std::span<const std::uint64_t> shard_checksums(const MappedFile& file, const ShardHeader& header);
/// Returns a checksum as 16 hexadecimal digits.
std::string checksum_text(std::uint64_t checksum);

}  // namespace longspan
