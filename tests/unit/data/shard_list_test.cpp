// How a split's shards are listed: a few in the manifest, many in a table.
#include "data/shard_list.h"

#include <fstream>

#include "longspan/core/hash.h"
#include "unit/data/small_folder.h"

namespace longspan {
namespace {

using testing::caught;
using testing::TemporaryFolder;

Digest digest_of(std::size_t number) {
  Digest digest{};
  for (std::size_t i = 0; i < digest.size(); ++i)
    digest[i] = static_cast<std::uint8_t>(number >> (8 * (i % 4)));
  return digest;
}

/// Shards of 1, 2, 3, ... tokens.
ShardList list_of(std::size_t count) {
  ShardList list("train");
  for (std::size_t i = 0; i < count; ++i) list.add(static_cast<std::int64_t>(i) + 1, digest_of(i));
  return list;
}

/// A table of 1,025 shards and what the manifest says of it.
struct Table {
  Table() : shards(list_of(kMostInManifest + 1).write(folder.path())) {}
  std::string path() const { return (folder.path() / "train.shards").string(); }
  std::string refused() const {
    const auto error = caught([&] { ShardList::read(folder.path(), "train", shards); });
    CHECK(error.kind == ErrorKind::Data);
    CHECK(error.text.ends_with("; remove the folder and prepare it again"));
    return error.text;
  }
  /// Changes the table and lets the manifest agree with it.
  void change(std::size_t at, const std::string& bytes) {
    std::string content = read_file(path());
    content.replace(at, bytes.size(), bytes);
    std::ofstream(path(), std::ios::binary) << content;
    shards["digest"] = hash_of(content);
  }

  TemporaryFolder folder;
  Json shards;
};

}  // namespace

TEST_CASE("shard list: what is written is read again, as a list and as a table") {
  for (const std::size_t count : {std::size_t{1}, std::size_t{7}, kMostInManifest,
                                  kMostInManifest + 1, std::size_t{100001}}) {
    CAPTURE(count);
    const TemporaryFolder folder;
    const Json written = list_of(count).write(folder.path());
    CHECK(written.is_array() == (count <= kMostInManifest));
    CHECK(std::filesystem::exists(folder.path() / "train.shards") == (count > kMostInManifest));
    const ShardList list = ShardList::read(folder.path(), "train", written);
    REQUIRE(list.size() == count);
    const auto total = static_cast<std::int64_t>(count * (count + 1) / 2);
    CHECK(list.num_tokens() == total);
    for (const std::size_t shard : {std::size_t{0}, count / 2, count - 1}) {
      const auto tokens = static_cast<std::int64_t>(shard) + 1;
      CHECK(list.num_tokens(shard) == tokens);
      CHECK(list.first_token(shard) == tokens * (tokens - 1) / 2);
      CHECK(list.digest(shard) == digest_of(shard));
      CHECK(list.shard_of(list.first_token(shard)) == shard);
      CHECK(list.shard_of(list.first_token(shard) + tokens - 1) == shard);
    }
    CHECK(list.file(0) == "train-00000.bin");
  }
  CHECK(shard_name("valid", 1234567) == "valid-1234567.bin");
}

TEST_CASE("shard list: a table that is damaged, cut short, foreign or gone is refused") {
  Table table;
  ShardList::read(table.folder.path(), "train", table.shards);
  const std::string intact = read_file(table.path());
  for (const std::size_t at :
       {std::size_t{0}, std::size_t{9}, std::size_t{20}, intact.size() - 1}) {
    std::string content = intact;
    content[at] = static_cast<char>(content[at] ^ 1);
    std::ofstream(table.path(), std::ios::binary) << content;
    CHECK(table.refused().starts_with(table.path() +
                                      ": the table of shards is damaged: its digest must be "));
  }
  std::ofstream(table.path(), std::ios::binary) << intact;
  table.change(0, "LSPTABLE");
  CHECK(table.refused().starts_with(
      table.path() + ": must be a table of shards, which starts with 'lsptable', found other"));
  table.change(0, "lsptable\2");
  CHECK(table.refused().starts_with(
      table.path() +
      ": version and byte order mark of the table must be 1 and 16909060, found 2 and 16909060"));
  table.change(8, "\1");
  for (const std::string& count :
       {std::string(8, '\0'), std::string(8, '\xff'), std::string(7, '\xff') + '\x7f'}) {
    table.change(16 + 24, count);
    CHECK(table.refused().starts_with(table.path() + ": shard 1 must have from 1 to "));
  }
  table.change(16 + 24, std::string("\2\0\0\0\0\0\0\0", 8));
  ShardList::read(table.folder.path(), "train", table.shards);
  for (const auto count : {std::size_t{0}, kMostInManifest, ~std::size_t{0} >> 1}) {
    table.shards["count"] = count;
    CHECK(table.refused().starts_with(concat(table.path(), ": the table must list ", count,
                                             " shards in 24 bytes each, found 24600 bytes")));
  }
  std::ofstream(table.path(), std::ios::binary) << intact.substr(0, 15);
  table.shards["digest"] = hash_of(intact.substr(0, 15));
  CHECK(table.refused().starts_with(table.path() +
                                    ": a table of shards must have 16 bytes at least, found 15"));
  std::filesystem::remove(table.path());
  CHECK(table.refused().starts_with(table.path() + ": a table of shards must be readable, got: "));
  table.shards["table"] = "../train.shards";
  CHECK(table.refused().starts_with((table.folder.path() / "manifest.json").string() +
                                    ": table must be a path inside the folder, got ../train.sha"));
}

TEST_CASE("shard list: entries of the manifest must have tokens and a digest") {
  const TemporaryFolder folder;
  const auto refused = [&](const std::string& key, const Json& value) {
    Json entries = list_of(3).write(folder.path());
    entries[1][key] = value;
    return caught([&] { ShardList::read(folder.path(), "train", entries); }).text;
  };
  const std::string manifest = (folder.path() / "manifest.json").string();
  for (const std::int64_t count : {std::int64_t{0}, std::int64_t{-5}, std::int64_t{1} << 62})
    CHECK(
        refused("tokens", count)
            .starts_with(concat(manifest, ": shard 1 must have from 1 to 1125899906842623 tokens, ",
                                "found ", count)));
  for (const char* digest : {"", "0123", "0123456789abcdef0123456789abcdeg"})
    CHECK(
        refused("digest", digest).starts_with(manifest + ": a shard's digest must have 32 digits"));
}

}  // namespace longspan
