// One shard: a header of 64 bytes, then the ids. The mapping is used as it stands, so the machine
// must be little-endian like the file.
#include "data/shard_file.h"

#include <bit>
#include <charconv>
#include <cstring>
#include <string_view>

#include "longspan/core/error.h"

namespace longspan {
namespace {

static_assert(std::endian::native == std::endian::little, "shards are mapped as they are on disk");

constexpr std::string_view kMagic = "lspshard";
constexpr std::uint32_t kVersion = 1;
constexpr std::uint32_t kByteOrderMark = 0x01020304;

/// The header as on disk.
struct RawHeader {
  std::array<char, 8> magic;
  std::uint32_t version;
  std::uint32_t byte_order_mark;
  std::uint32_t bytes_per_token;
  std::uint32_t zero;
  std::int64_t num_tokens;
  std::int64_t first_token;
  std::array<std::uint8_t, 16> digest;
  std::int64_t zeros;
};
static_assert(sizeof(RawHeader) == kShardHeaderBytes);

std::array<std::uint8_t, 16> digest_bytes(const std::string& digest) {
  std::array<std::uint8_t, 16> bytes{};
  check(digest.size() == 2 * bytes.size(), ErrorKind::Internal,
        "a digest must have 32 digits, got ", digest);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::from_chars(digest.data() + 2 * i, digest.data() + 2 * i + 2, bytes[i], 16);
  }
  return bytes;
}

std::string digest_text(const std::array<std::uint8_t, 16>& bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t byte : bytes) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

void check_format(const RawHeader& raw, const std::string& path) {
  const std::string_view magic(raw.magic.data(), raw.magic.size());
  check(magic == kMagic, ErrorKind::Data, path, ": must be a longspan shard, which starts with '",
        kMagic, "', found other bytes");
  check(raw.version == kVersion, ErrorKind::Data, path, ": shard version must be ", kVersion,
        ", found ", raw.version, "; remove the folder and prepare it again");
  check(raw.byte_order_mark == kByteOrderMark, ErrorKind::Data, path,
        ": the byte order mark must be ", kByteOrderMark, ", found ", raw.byte_order_mark,
        "; remove the folder and prepare it again");
  check(raw.bytes_per_token == 2 || raw.bytes_per_token == 4, ErrorKind::Data, path,
        ": bytes per token must be 2 or 4, found ", raw.bytes_per_token);
  check(raw.zero == 0 && raw.zeros == 0, ErrorKind::Data, path,
        ": the reserved bytes of the header must be 0");
}

}  // namespace

void write_shard(const std::filesystem::path& path, const ShardHeader& header,
                 std::span<const std::byte> payload) {
  RawHeader raw{};
  std::memcpy(raw.magic.data(), kMagic.data(), kMagic.size());
  raw.version = kVersion;
  raw.byte_order_mark = kByteOrderMark;
  raw.bytes_per_token = static_cast<std::uint32_t>(header.bytes_per_token);
  raw.num_tokens = header.num_tokens;
  raw.first_token = header.first_token;
  raw.digest = digest_bytes(header.digest);
  FileWriter writer(path);
  writer.write(std::as_bytes(std::span(&raw, 1)));
  writer.write(payload);
  writer.close_durably();
}

ShardHeader read_shard_header(const MappedFile& file, const std::filesystem::path& path) {
  const std::span<const std::byte> bytes = file.bytes();
  check(bytes.size() >= kShardHeaderBytes, ErrorKind::Data, path.string(),
        ": a shard must have at least ", kShardHeaderBytes, " bytes, found ", bytes.size(),
        "; remove the folder and prepare it again");
  RawHeader raw{};
  std::memcpy(&raw, bytes.data(), sizeof raw);
  check_format(raw, path.string());
  const std::size_t payload = bytes.size() - kShardHeaderBytes;
  const bool fits = raw.num_tokens >= 0 && payload % raw.bytes_per_token == 0 &&
                    static_cast<std::size_t>(raw.num_tokens) == payload / raw.bytes_per_token;
  check(fits, ErrorKind::Data, path.string(), ": a shard of ", raw.num_tokens, " tokens of ",
        raw.bytes_per_token, " bytes must have that many after its header, found ", payload,
        " bytes; remove the folder and prepare it again");
  return {raw.bytes_per_token, raw.num_tokens, raw.first_token, digest_text(raw.digest)};
}

std::span<const std::byte> shard_payload(const MappedFile& file) {
  return file.bytes().subspan(kShardHeaderBytes);
}

}  // namespace longspan
