#include "data/shard_file.h"

#include <catch2/catch_test_macros.hpp>
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
  CHECK(text.size() == 64 + 6);
  CHECK(text.substr(0, 8) == "lspshard");
  CHECK(text.substr(8, 8) == std::string_view("\1\0\0\0\4\3\2\1", 8));
  CHECK(text.substr(16, 8) == std::string_view("\2\0\0\0\0\0\0\0", 8));
  CHECK(text.substr(24, 16) == std::string_view("\3\0\0\0\0\0\0\0\13\0\0\0\0\0\0\0", 16));
  CHECK(text.substr(64) == std::string_view("\7\0\xFF\xFF\0\0", 6));
}

TEST_CASE("shard file: damage is named with what must be there and what is") {
  const ShardOnDisk shard;
  const std::string remedy = "; remove the folder and prepare it again";
  CHECK(shard.refused(0, "LSP") ==
        "must be a longspan shard, which starts with 'lspshard', found other bytes");
  CHECK(shard.refused(8, "\2") == "shard version must be 1, found 2" + remedy);
  CHECK(shard.refused(12, "\1") == "the byte order mark must be 16909060, found 16909057" + remedy);
  CHECK(shard.refused(16, "\3") == "bytes per token must be 2 or 4, found 3");
  CHECK(shard.refused(20, "\1") == "the reserved bytes of the header must be 0");
  CHECK(shard.refused(63, "\1") == "the reserved bytes of the header must be 0");
  CHECK(shard.refused(24, "\4") ==
        "a shard of 4 tokens of 2 bytes must have that many after its header, found 6 bytes" +
            remedy);
  CHECK(shard.refused(31, "\x80").starts_with("a shard of -"));
  const std::string content = read_file(shard.path());
  CHECK(shard.refused_content(content.substr(0, 69)) ==
        "a shard of 3 tokens of 2 bytes must have that many after its header, found 5 bytes" +
            remedy);
  CHECK(shard.refused_content(content.substr(0, 63)) ==
        "a shard must have at least 64 bytes, found 63" + remedy);
}

}  // namespace longspan
