#include "data/shard_file.h"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <cstring>
#include <numeric>
#include <string>
#include <vector>

#include "longspan/core/hash.h"
#include "support/temporary_folder.h"
#include "unit/tokenizer/caught.h"

namespace longspan {
namespace {

class ShardOnDisk {
 public:
  ShardOnDisk() : path_((folder_.path() / "s.bin").string()) {
    const std::vector<std::uint16_t> ids = {7, 65535, 0};
    const auto payload = std::as_bytes(std::span(ids));
    Hasher hasher;
    hasher.update(payload);
    header_ = {2, 3, 11, hasher.digest()};
    write_shard(path_, header_, payload);
  }
  const std::string& path() const { return path_; }
  const ShardHeader& header() const { return header_; }

  /// Writes the file with some bytes replaced and returns what reading it throws, without the path.
  std::string refused(std::size_t at, const std::string& bytes) const {
    std::string content = read_file(path_);
    content.replace(at, bytes.size(), bytes);
    return refused_content(content);
  }
  std::string refused_content(const std::string& content) const {
    const std::string damaged = path_ + ".damaged";
    write_file_durably(damaged, content);
    const auto error = testing::caught([&] {
      const MappedFile file(damaged);
      read_shard_header(file, damaged);
    });
    CHECK(error.kind == ErrorKind::Data);
    CHECK(error.text.starts_with(damaged + ": "));
    return error.text.substr(std::min(error.text.size(), damaged.size() + 2));
  }

 private:
  testing::TemporaryFolder folder_;
  std::string path_;
  ShardHeader header_;
};

}  // namespace

TEST_CASE("shard file: header and ids come back, at the documented places") {
  const ShardOnDisk shard;
  const MappedFile file(shard.path());
  const ShardHeader header = read_shard_header(file, shard.path());
  CHECK(header.bytes_per_token == 2);
  CHECK(header.num_tokens == 3);
  CHECK(header.first_token == 11);
  CHECK(header.digest == shard.header().digest);
  const std::string_view text = file.text();
  CHECK(text.size() == 64 + 6 + 2 + 8);
  CHECK(text.substr(0, 8) == "lspshard");
  CHECK(text.substr(8, 8) == std::string_view("\2\0\0\0\4\3\2\1", 8));
  CHECK(text.substr(16, 8) == std::string_view("\2\0\0\0\0\0\0\0", 8));
  CHECK(text.substr(24, 16) == std::string_view("\3\0\0\0\0\0\0\0\13\0\0\0\0\0\0\0", 16));
  CHECK(text.substr(64, 8) == std::string_view("\7\0\xFF\xFF\0\0\0\0", 8));
  const std::uint64_t checksum = hash64_of(file.bytes().subspan(64, 6));
  const std::uint64_t of_table = hash64_of(std::as_bytes(std::span(&checksum, 1)));
  CHECK(std::memcmp(text.data() + 72, &checksum, 8) == 0);
  CHECK(std::memcmp(text.data() + 56, &of_table, 8) == 0);
  CHECK(shard_payload(file, header).size() == 6);
  CHECK(shard_checksums(file, header).size() == 1);
}

TEST_CASE("shard file: a checksum for each block of 65536 bytes, the last one shorter") {
  const testing::TemporaryFolder folder;
  const auto path = folder.path() / "s.bin";
  for (const std::int64_t num_tokens : {0, 1, 32767, 32768, 32769, 65536, 70001}) {
    CAPTURE(num_tokens);
    std::vector<std::uint16_t> ids(static_cast<std::size_t>(num_tokens));
    std::iota(ids.begin(), ids.end(), std::uint16_t{5});
    const auto payload = std::as_bytes(std::span(ids));
    write_shard(path, {2, num_tokens, 0, std::string(32, '0')}, payload);
    const MappedFile file(path);
    const ShardHeader header = read_shard_header(file, path);
    CHECK(std::ranges::equal(shard_payload(file, header), payload));
    const auto checksums = shard_checksums(file, header);
    REQUIRE(checksums.size() == (payload.size() + 65535) / 65536);
    for (std::size_t block = 0; block < checksums.size(); ++block)
      CHECK(checksums[block] ==
            hash64_of(payload.subspan(block * 65536)
                          .first(std::min<std::size_t>(65536, payload.size() - block * 65536))));
  }
}

TEST_CASE("shard file: damage is named with what must be there and what is") {
  const ShardOnDisk shard;
  const std::string remedy = "; remove the folder and prepare it again";
  CHECK(shard.refused(0, "LSP") ==
        "must be a longspan shard, which starts with 'lspshard', found other bytes");
  CHECK(shard.refused(8, "\1") == "shard version must be 2, found 1" + remedy);
  CHECK(shard.refused(12, "\1") == "the byte order mark must be 16909060, found 16909057" + remedy);
  CHECK(shard.refused(16, "\3") == "bytes per token must be 2 or 4, found 3" + remedy);
  CHECK(shard.refused(20, "\1") == "the reserved bytes of the header must be 0, found 1" + remedy);
  const std::string table = "the table of checksums is damaged: its checksum must be ";
  CHECK(shard.refused(63, "\1").starts_with(table + "01"));
  CHECK(shard.refused(79, "\1").starts_with(table));
  CHECK(shard.refused(71, "\1") ==
        "the bytes between the ids and their checksums must be 0" + remedy);
  const std::string size =
      " tokens of 2 bytes must have those and their checksums after its header, found ";
  CHECK(shard.refused(24, "\5") == "a shard of 5" + size + "16 bytes" + remedy);
  CHECK(shard.refused(31, "\x40").starts_with("a shard of 4611686018427387907 tokens"));
  CHECK(shard.refused(31, "\x80").starts_with("a shard of -"));
  const std::string content = read_file(shard.path());
  CHECK(shard.refused_content(content.substr(0, 79)) ==
        "a shard of 3" + size + "15 bytes" + remedy);
  CHECK(shard.refused_content(content + std::string(1, '\0')) ==
        "a shard of 3" + size + "17 bytes" + remedy);
  CHECK(shard.refused_content(content.substr(0, 63)) ==
        "a shard must have at least 64 bytes, found 63" + remedy);
}

}  // namespace longspan
