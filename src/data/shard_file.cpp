// One shard: a header of 64 bytes, the ids, then a checksum for each block of them. The mapping is
// used as it stands, so the machine must be little-endian like the file.
#include "data/shard_file.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <vector>

#include "data/manifest.h"
#include "longspan/core/ceil_divide.h"
#include "longspan/core/error.h"
#include "longspan/core/hash.h"

namespace longspan {
namespace {

static_assert(std::endian::native == std::endian::little, "shards are mapped as they are on disk");

constexpr std::string_view kMagic = "lspshard";
constexpr std::uint32_t kVersion = 2;
constexpr std::uint32_t kShardByteOrder = 0x01020304;
constexpr std::size_t kChecksumBytes = sizeof(std::uint64_t);

/// The header as on disk.
struct RawHeader {
  std::array<char, 8> magic;
  std::uint32_t version;
  std::uint32_t byte_order_mark;
  std::uint32_t bytes_per_token;
  std::uint32_t zero;
  std::int64_t num_tokens;
  std::int64_t first_token;
  Digest digest;
  std::uint64_t table_checksum;
};
static_assert(sizeof(RawHeader) == kShardHeaderBytes);

/// Where the parts of a shard stand, in bytes from the file's start.
struct Layout {
  std::size_t ids_end;
  std::size_t table_begin;  // after zeros up to a multiple of 8
  std::size_t file_end;
};

// @param num_tokens so few that their bytes can be counted
Layout layout_of(std::int64_t num_tokens, std::int64_t bytes_per_token) {
  const auto ids = static_cast<std::size_t>(num_tokens) * static_cast<std::size_t>(bytes_per_token);
  const std::size_t ids_end = kShardHeaderBytes + ids;
  const std::size_t table_begin = ceil_divide(ids_end, kChecksumBytes) * kChecksumBytes;
  return {ids_end, table_begin, table_begin + ceil_divide(ids, kShardBlockBytes) * kChecksumBytes};
}

std::vector<std::uint64_t> checksums_of(std::span<const std::byte> payload) {
  std::vector<std::uint64_t> checksums;
  for (std::size_t begin = 0; begin < payload.size(); begin += kShardBlockBytes)
    checksums.push_back(
        hash64_of(payload.subspan(begin, std::min(kShardBlockBytes, payload.size() - begin))));
  return checksums;
}

void check_format(const RawHeader& raw, const std::string& path) {
  const std::string_view magic(raw.magic.data(), raw.magic.size());
  check(magic == kMagic, ErrorKind::Data, path, ": must be a longspan shard, which starts with '",
        kMagic, "', found other bytes");
  check(raw.version == kVersion, ErrorKind::Data, path, ": shard version must be ", kVersion,
        ", found ", raw.version, kPrepareAgain);
  check(raw.byte_order_mark == kShardByteOrder, ErrorKind::Data, path,
        ": the byte order mark must be ", kShardByteOrder, ", found ", raw.byte_order_mark,
        kPrepareAgain);
  check(raw.bytes_per_token == 2 || raw.bytes_per_token == 4, ErrorKind::Data, path,
        ": bytes per token must be 2 or 4, found ", raw.bytes_per_token, kPrepareAgain);
  check(raw.zero == 0, ErrorKind::Data, path,
        ": the reserved bytes of the header must be 0, found ", raw.zero, kPrepareAgain);
}

void check_size(const RawHeader& raw, std::size_t file_bytes, const std::string& path) {
  const std::size_t found = file_bytes - kShardHeaderBytes;
  const bool fits = raw.num_tokens >= 0 &&
                    static_cast<std::size_t>(raw.num_tokens) <= found / raw.bytes_per_token &&
                    layout_of(raw.num_tokens, raw.bytes_per_token).file_end == file_bytes;
  check(fits, ErrorKind::Data, path, ": a shard of ", raw.num_tokens, " tokens of ",
        raw.bytes_per_token, " bytes must have those and their checksums after its header, found ",
        found, " bytes", kPrepareAgain);
}

void check_table(const RawHeader& raw, std::span<const std::byte> file, const std::string& path) {
  const Layout layout = layout_of(raw.num_tokens, raw.bytes_per_token);
  const auto padding = file.subspan(layout.ids_end, layout.table_begin - layout.ids_end);
  check(std::ranges::all_of(padding, [](std::byte byte) { return byte == std::byte{0}; }),
        ErrorKind::Data, path, ": the bytes between the ids and their checksums must be 0",
        kPrepareAgain);
  const std::uint64_t found = hash64_of(file.subspan(layout.table_begin));
  check(found == raw.table_checksum, ErrorKind::Data, path,
        ": the table of checksums is damaged: its checksum must be ",
        checksum_text(raw.table_checksum), ", found ", checksum_text(found), kPrepareAgain);
}

}  // namespace

std::optional<Digest> digest_bytes(std::string_view digits) {
  Digest digest{};
  if (digits.size() != 2 * digest.size()) return std::nullopt;
  for (std::size_t i = 0; i < digest.size(); ++i) {
    const char* const begin = digits.data() + 2 * i;
    if (std::from_chars(begin, begin + 2, digest[i], 16).ptr != begin + 2) return std::nullopt;
  }
  return digest;
}

std::string digest_text(const Digest& digest) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text(2 * digest.size(), '0');
  for (std::size_t i = 0; i < digest.size(); ++i) {
    text[2 * i] = kDigits[digest[i] >> 4];
    text[2 * i + 1] = kDigits[digest[i] & 15];
  }
  return text;
}

void write_shard(const std::filesystem::path& path, const ShardHeader& header,
                 std::span<const std::byte> payload) {
  RawHeader raw{};
  std::memcpy(raw.magic.data(), kMagic.data(), kMagic.size());
  raw.version = kVersion;
  raw.byte_order_mark = kShardByteOrder;
  raw.bytes_per_token = static_cast<std::uint32_t>(header.bytes_per_token);
  raw.num_tokens = header.num_tokens;
  raw.first_token = header.first_token;
  const auto digest = digest_bytes(header.digest);
  check(digest.has_value(), ErrorKind::Internal, "a digest must have 32 digits, got ",
        header.digest);
  raw.digest = *digest;
  const std::vector<std::uint64_t> checksums = checksums_of(payload);
  const auto table = std::as_bytes(std::span(checksums));
  raw.table_checksum = hash64_of(table);
  const Layout layout = layout_of(header.num_tokens, header.bytes_per_token);
  FileWriter writer(path);
  writer.write(std::as_bytes(std::span(&raw, 1)));
  writer.write(payload);
  writer.write(std::string(layout.table_begin - layout.ids_end, '\0'));
  writer.write(table);
  writer.close_durably();
}

ShardHeader read_shard_header(const MappedFile& file, const std::filesystem::path& path) {
  const std::span<const std::byte> bytes = file.bytes();
  check(bytes.size() >= kShardHeaderBytes, ErrorKind::Data, path.string(),
        ": a shard must have at least ", kShardHeaderBytes, " bytes, found ", bytes.size(),
        kPrepareAgain);
  file.load(0, kShardHeaderBytes);
  RawHeader raw{};
  std::memcpy(&raw, bytes.data(), sizeof raw);
  check_format(raw, path.string());
  check_size(raw, bytes.size(), path.string());
  const ShardHeader header{raw.bytes_per_token, raw.num_tokens, raw.first_token,
                           digest_text(raw.digest)};
  const std::size_t ids_end = layout_of(header.num_tokens, header.bytes_per_token).ids_end;
  file.load(ids_end, bytes.size() - ids_end);
  check_table(raw, bytes, path.string());
  return header;
}

std::span<const std::byte> shard_payload(const MappedFile& file, const ShardHeader& header) {
  const Layout layout = layout_of(header.num_tokens, header.bytes_per_token);
  return file.bytes().subspan(kShardHeaderBytes, layout.ids_end - kShardHeaderBytes);
}

std::span<const std::uint64_t> shard_checksums(const MappedFile& file, const ShardHeader& header) {
  const Layout layout = layout_of(header.num_tokens, header.bytes_per_token);
  const auto table = file.bytes().subspan(layout.table_begin);
  return {reinterpret_cast<const std::uint64_t*>(table.data()), table.size() / kChecksumBytes};
}

std::string checksum_text(std::uint64_t checksum) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(checksum));
  return text;
}

}  // namespace longspan
