// A shard folder of several shards, and every way in which it may be damaged.
#include <catch2/catch_test_macros.hpp>
#include <string>
#include <vector>

#include "data/manifest.h"
#include "data/shard_writer.h"
#include "longspan/core/files.h"
#include "longspan/data/shards.h"
#include "support/temporary_folder.h"
#include "unit/tokenizer/caught.h"

namespace longspan {
namespace {

using testing::caught;

/// A folder of byte shards: a train split of 13 tokens in shards of 5, a valid split of 2 in one.
class SmallFolder {
 public:
  explicit SmallFolder(std::int64_t bytes_per_token = 2) {
    TokenizerConfig config;
    config.kind = TokenizerKind::Bytes;
    const auto tokenizer = build_tokenizer(config, {});
    make_folder(path() / "tokenizer");
    tokenizer->save(path() / "tokenizer");
    manifest = {
        {"format", kShardsFormat},
        {"bytes_per_token", bytes_per_token},
        {"tokenizer", {{"fingerprint", tokenizer->fingerprint()}}},
        {"splits", {split("train", 13, bytes_per_token), split("valid", 2, bytes_per_token)}}};
    write_manifest(path(), manifest);
  }
  const std::filesystem::path& path() const { return folder_.path(); }
  std::string file(const std::string& name) const { return (path() / name).string(); }

  /// Returns what opening throws.
  std::string refused() const {
    const auto error = caught([&] { ShardFolder::open(path()); });
    CHECK(error.kind == ErrorKind::Data);
    return error.text;
  }

  Json manifest;

 private:
  Json split(const std::string& name, std::int32_t count, std::int64_t bytes_per_token) const {
    ShardWriter writer(path(), name, bytes_per_token, 5);
    std::vector<std::int32_t> ids;
    for (std::int32_t id = 0; id < count; ++id) ids.push_back(id * 3);
    writer.append(ids);
    CHECK(writer.num_tokens() == count);
    return {{"name", name}, {"tokens", count}, {"lines", 4},
            {"words", 6},   {"bytes", 8},      {"shards", writer.finish()}};
  }
  testing::TemporaryFolder folder_;
};

std::vector<std::int64_t> read(const TokenStream& stream, std::int64_t begin, std::int64_t count) {
  std::vector<std::int64_t> ids(static_cast<std::size_t>(count));
  stream.copy(begin, count, ids.data());
  return ids;
}

}  // namespace

TEST_CASE("shard folder: streams read across shards, at both widths") {
  for (const std::int64_t width : {2, 4}) {
    CAPTURE(width);
    const SmallFolder folder(width);
    REQUIRE(ShardFolder::exists(folder.path()));
    const ShardFolder shards = ShardFolder::open(folder.path());
    shards.verify();
    CHECK(shards.splits() == std::vector<std::string>{"train", "valid"});
    const TokenStream stream = shards.stream("train");
    REQUIRE(stream.size() == 13);
    for (std::int64_t begin = 0; begin <= 13; ++begin) {
      for (std::int64_t count = 0; begin + count <= 13; ++count) {
        std::vector<std::int64_t> expected;
        for (std::int64_t i = begin; i < begin + count; ++i) expected.push_back(i * 3);
        REQUIRE(read(stream, begin, count) == expected);
      }
    }
    CHECK(shards.stream("valid").size() == 2);
    CHECK(shards.counts("train").lines == 4);
    CHECK(shards.counts("train").words == 6);
    CHECK(shards.counts("train").bytes == 8);
    CHECK(shards.tokenizer().kind() == "bytes");
    CHECK(shards.tokenizer_folder() == folder.path() / "tokenizer");
    CHECK(parse_json(shards.describe(), "describe").at("splits").size() == 2);
  }
}

TEST_CASE("token stream: a read outside is a bug, ids in memory read like shards") {
  const TokenStream stream = TokenStream::from_ids({5, 70000, 7});
  CHECK(read(stream, 0, 3) == std::vector<std::int64_t>{5, 70000, 7});
  CHECK(read(stream, 3, 0).empty());
  std::int64_t out = 0;
  CHECK(caught([&] {
          stream.copy(3, 1, &out);
        }).text.starts_with("tokens 3 .. 4 must be inside a stream of 3"));
  CHECK_FALSE(caught([&] { stream.copy(-1, 1, &out); }).text.empty());
  CHECK(TokenStream::from_ids({}).size() == 0);
}

TEST_CASE("shard writer: four bytes a token from 65537 ids on") {
  CHECK(bytes_per_token(256) == 2);
  CHECK(bytes_per_token(65536) == 2);
  CHECK(bytes_per_token(65537) == 4);
}

TEST_CASE("shard folder: a split that is not there is named") {
  const SmallFolder folder;
  const ShardFolder shards = ShardFolder::open(folder.path());
  const auto error = caught([&] { shards.stream("test"); });
  CHECK(error.kind == ErrorKind::Data);
  CHECK(error.text == folder.path().string() +
                          ": the shards must have a split named test, found none; name it in the "
                          "data section and prepare into another data.shards");
}

TEST_CASE("shard folder: equal content has an equal fingerprint") {
  const SmallFolder one, same, wide(4);
  CHECK(ShardFolder::open(one.path()).fingerprint() ==
        ShardFolder::open(same.path()).fingerprint());
  CHECK(ShardFolder::open(one.path()).fingerprint() !=
        ShardFolder::open(wide.path()).fingerprint());
}

TEST_CASE("shard folder: a truncated shard is refused on opening") {
  const SmallFolder folder;
  const std::string path = folder.file("train-00001.bin");
  std::filesystem::resize_file(path, 64 + 9);
  CHECK(folder.refused() ==
        path +
            ": a shard of 5 tokens of 2 bytes must have that many after its header, found 9 "
            "bytes; remove the folder and prepare it again");
}

TEST_CASE("shard folder: a shard outside the folder is refused") {
  SmallFolder folder;
  const testing::TemporaryFolder elsewhere;
  const std::string shard = folder.file("train-00000.bin"),
                    moved = (elsewhere.path() / "shard").string();
  std::filesystem::rename(shard, moved);
  std::filesystem::create_symlink(moved, shard);
  const auto says = [&](const std::string& name) {
    folder.manifest["splits"][0]["shards"][0]["file"] = name;
    write_manifest(folder.path(), folder.manifest);
    CHECK(folder.refused() == folder.file("manifest.json") +
                                  ": file must be a path inside the folder, got " + name +
                                  "; remove the folder and prepare it again");
  };
  says("train-00000.bin");
  says(moved);
  says("../" + elsewhere.path().filename().string() + "/shard");
}

TEST_CASE("shard folder: a missing shard and swapped shards are refused") {
  const SmallFolder missing;
  std::filesystem::remove(missing.file("train-00002.bin"));
  CHECK(missing.refused().starts_with(missing.file("train-00002.bin") +
                                      ": a shard must be readable, got: "));
  const SmallFolder swapped;
  std::filesystem::rename(swapped.file("train-00000.bin"), swapped.file("aside"));
  std::filesystem::rename(swapped.file("train-00001.bin"), swapped.file("train-00000.bin"));
  std::filesystem::rename(swapped.file("aside"), swapped.file("train-00001.bin"));
  CHECK(swapped.refused().starts_with(swapped.file("train-00000.bin") +
                                      ": the digest of the shard must be "));
}

TEST_CASE("shard folder: verify finds a flipped bit in the ids, opening one in the header") {
  const SmallFolder folder;
  const std::string path = folder.file("train-00000.bin");
  const std::string intact = read_file(path);
  for (std::size_t at = 0; at < intact.size(); ++at) {
    std::string content = intact;
    content[at] = static_cast<char>(content[at] ^ 32);
    FileWriter writer(path);
    writer.write(content);
    writer.flush();
    CAPTURE(at);
    if (at < 64) {
      CHECK(folder.refused().starts_with(path + ": "));
      continue;
    }
    const ShardFolder shards = ShardFolder::open(folder.path());
    const auto error = caught([&] { shards.verify(); });
    CHECK(error.kind == ErrorKind::Data);
    CHECK(error.text.starts_with(path + ": the shard is damaged: its digest must be "));
    CHECK(error.text.ends_with("; remove the folder and prepare it again"));
  }
}

TEST_CASE("shard folder: a damaged or foreign manifest is refused") {
  SmallFolder folder;
  const std::string path = folder.file("manifest.json");
  std::string text = read_file(path);
  text.replace(text.find("\"words\": 6"), 10, "\"words\": 7");
  write_file_durably(path, text);
  CHECK(folder.refused().starts_with(path + ": the manifest is damaged: its digest must be "));
  write_file_durably(path, text.substr(0, text.size() / 2));
  CHECK(folder.refused().starts_with(path + ":"));
  write_file_durably(path, R"({"format": "longspan.shards/2"})");
  CHECK(folder.refused() == path +
                                ": format must be longspan.shards/1, found longspan.shards/2; "
                                "remove the folder and prepare it again");
  write_file_durably(path, "{}");
  CHECK(folder.refused().starts_with(path + ": must be the manifest of a shard folder, got: "));
  folder.manifest["splits"][0].erase("words");
  write_manifest(folder.path(), folder.manifest);
  CHECK(folder.refused().starts_with(path + ": must be the manifest of a shard folder, got: "));
  std::filesystem::remove(path);
  CHECK(folder.refused().starts_with("a shard folder must have a readable manifest: " + path));
  CHECK_FALSE(ShardFolder::exists(folder.path()));
}

TEST_CASE("shard folder: another tokenizer than the shards' is refused") {
  SmallFolder folder;
  folder.manifest["tokenizer"]["fingerprint"] = "0123";
  write_manifest(folder.path(), folder.manifest);
  CHECK(folder.refused().starts_with(
      folder.file("tokenizer") +
      ": the tokenizer must be the one that made the shards, fingerprint 0123, found "));
}

}  // namespace longspan
