// A shard folder of several shards, and every way in which it may be damaged.
#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <fstream>
#include <numeric>
#include <string>
#include <thread>
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
            ": a shard of 5 tokens of 2 bytes must have those and their checksums after its "
            "header, found 9 bytes; remove the folder and prepare it again");
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

TEST_CASE("shard folder: a flipped bit in the ids is found by reading them, any other by opening") {
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
    if (at < 64 || at >= 64 + 10) {
      CHECK(folder.refused().starts_with(path + ": "));
      continue;
    }
    const ShardFolder shards = ShardFolder::open(folder.path());
    CHECK(read(shards.stream("train"), 5, 8).back() == 36);
    const auto error = caught([&] { read(shards.stream("train"), 4, 2); });
    CHECK(error.kind == ErrorKind::Data);
    CHECK(error.text.starts_with(
        path + ": tokens 0 .. 4 of the shard are damaged: their checksum must be "));
    CHECK(error.text.ends_with("; remove the folder and prepare it again"));
    CHECK(caught([&] { shards.verify(); }).text == error.text);
  }
}

// A folder of one shard of 2 1/2 blocks, whose ids are their places.
struct BlocksFolder {
  BlocksFolder() {
    SmallFolder small(4);
    ShardWriter writer(folder.path(), "train", 4);
    std::vector<std::int32_t> ids(40960);
    std::iota(ids.begin(), ids.end(), 0);
    writer.append(ids);
    Json manifest = small.manifest;
    manifest["splits"] = {{{"name", "train"},
                           {"tokens", 40960},
                           {"lines", 1},
                           {"words", 1},
                           {"bytes", 1},
                           {"shards", writer.finish()}}};
    std::filesystem::copy(small.path() / "tokenizer", folder.path() / "tokenizer");
    write_manifest(folder.path(), manifest);
  }
  std::string shard() const { return (folder.path() / "train-00000.bin").string(); }
  void flip(std::size_t at) const {
    std::string content = read_file(shard());
    content[at] = static_cast<char>(content[at] ^ 1);
    std::ofstream(shard(), std::ios::binary) << content;
  }

  testing::TemporaryFolder folder;
};

TEST_CASE("shard folder: only the blocks that a read touches are checked, each once") {
  const BlocksFolder blocks;
  blocks.flip(64 + 65536 + 7);  // in token 16385
  const TokenStream stream = ShardFolder::open(blocks.folder.path()).stream("train");
  CHECK(read(stream, 0, 16384).back() == 16383);
  CHECK(read(stream, 32768, 8192).back() == 40959);
  const auto refused = [&](std::int64_t begin, std::int64_t count) {
    const auto error = caught([&] { read(stream, begin, count); });
    CHECK(error.kind == ErrorKind::Data);
    return error.text;
  };
  for (int twice = 0; twice < 2; ++twice) {
    CHECK(refused(16383, 2).starts_with(blocks.shard() +
                                        ": tokens 16384 .. 32767 of the shard are damaged: "));
    CHECK(refused(0, 40960) == refused(32767, 1));
  }
  CHECK(read(stream, 16384, 0).empty());
  blocks.flip(64);  // after its block was checked
  CHECK(read(stream, 0, 1) == std::vector<std::int64_t>{1});
  blocks.flip(64 + 65536 + 7);
  CHECK(read(stream, 16384, 2) == std::vector<std::int64_t>{16384, 16385});
}

TEST_CASE("shard folder: a shard that is cut short while it is open is an error, and no signal") {
  const BlocksFolder blocks;
  const ShardFolder shards = ShardFolder::open(blocks.folder.path());
  std::filesystem::resize_file(blocks.shard(), 4096);
  const auto error = caught([&] { read(shards.stream("train"), 20000, 5); });
  CHECK(error.kind == ErrorKind::Data);
  CHECK(error.text ==
        blocks.shard() +
            ": tokens 16384 .. 32767 of the shard must be readable, got: " + blocks.shard() +
            ": bytes 65600 .. 131136 cannot be read: the disk failed or the file was "
            "cut short; remove the folder and prepare it again");
  CHECK(caught([&] { shards.verify(); }).kind == ErrorKind::Data);
}

TEST_CASE("shard folder: several threads may read the same blocks at once") {
  const BlocksFolder blocks;
  const TokenStream stream = ShardFolder::open(blocks.folder.path()).stream("train");
  std::atomic<int> good = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      std::vector<std::int64_t> ids(40960), expected(40960);
      std::iota(expected.begin(), expected.end(), 0);
      stream.copy(0, 40960, ids.data());
      good += ids == expected ? 1 : 0;
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(good == 4);
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
