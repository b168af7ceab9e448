// A shard folder of several shards, and every way in which it may be damaged.
#include <string>
#include <vector>

#include "longspan/core/files.h"
#include "unit/data/small_folder.h"

namespace longspan {

using testing::caught;
using testing::read;
using testing::SmallFolder;

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

TEST_CASE("shard folder: a damaged or foreign manifest is refused") {
  SmallFolder folder;
  const std::string path = folder.file("manifest.json");
  std::string text = read_file(path);
  text.replace(text.find("\"words\": 6"), 10, "\"words\": 7");
  write_file_durably(path, text);
  CHECK(folder.refused().starts_with(path + ": the manifest is damaged: its digest must be "));
  write_file_durably(path, text.substr(0, text.size() / 2));
  CHECK(folder.refused().starts_with(path + ":"));
  write_file_durably(path, R"({"format": "longspan.shards/1"})");
  CHECK(folder.refused() == path +
                                ": format must be longspan.shards/2, found longspan.shards/1; "
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

TEST_CASE("shard folder: a manifest that lost its last line break is refused") {
  const SmallFolder folder;
  const std::string path = folder.file("manifest.json");
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 1);
  CHECK(folder.refused() == path +
                                ": the manifest must end with a line break, it was cut short; "
                                "remove the folder and prepare it again");
}

TEST_CASE("shard folder: a tokenizer's file that is damaged, missing or elsewhere is refused") {
  SmallFolder folder;
  const std::string path = folder.file("tokenizer/tokenizer.json");
  std::string text = read_file(path);
  text.replace(text.find("\"vocab_size\""), 12, "\"vocab_sizd\"");  // which nobody reads
  write_file_durably(path, text);
  CHECK(folder.refused().starts_with(path +
                                     ": the tokenizer's file is damaged: its digest must be "));
  std::filesystem::remove(path);
  CHECK(folder.refused().starts_with(path + ": a tokenizer's file must be readable, got: "));
  folder.manifest["tokenizer"]["files"][0]["file"] = "../manifest.json";
  write_manifest(folder.path(), folder.manifest);
  CHECK(folder.refused() == folder.file("tokenizer") +
                                ": a file of the manifest must be inside, got ../manifest.json; "
                                "remove the folder of shards and prepare it again");
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
