// Shards that are opened when they are read, and closed again.
#include "data/shard_set.h"

#include <atomic>
#include <thread>

#include "unit/data/small_folder.h"

namespace longspan {
namespace {

using testing::caught;
using testing::read;
using testing::TemporaryFolder;

constexpr std::int32_t kTokens = 60;

/// Shards of three tokens each, which are their places in the split.
struct ManyShards {
  ManyShards() {
    ShardWriter writer(folder.path(), "train", 2, 3);
    std::vector<std::int32_t> ids;
    for (std::int32_t id = 0; id < kTokens; ++id) ids.push_back(id);
    writer.append(ids);
    shards = writer.finish();
  }
  std::shared_ptr<const ShardSet> set(std::size_t most_open) const {
    return std::make_shared<const ShardSet>(
        folder.path(), ShardList::read(folder.path(), "train", shards), 2, most_open);
  }
  std::string shard(std::size_t number) const {
    return (folder.path() / shard_name("train", number)).string();
  }

  TemporaryFolder folder;
  Json shards;
};

std::vector<std::int64_t> from(std::int64_t begin, std::int64_t count) {
  std::vector<std::int64_t> ids;
  for (std::int64_t i = begin; i < begin + count; ++i) ids.push_back(i);
  return ids;
}

}  // namespace

TEST_CASE("shard set: reads are the same however few shards stay open") {
  const ManyShards many;
  for (const std::size_t most_open : {1, 2, 7, 100}) {
    CAPTURE(most_open);
    const TokenStream stream(many.set(most_open));
    REQUIRE(stream.size() == kTokens);
    for (std::int64_t begin = 0; begin < kTokens; begin += 7)
      for (const std::int64_t count :
           {std::int64_t{0}, std::int64_t{1}, std::int64_t{8}, kTokens - begin})
        if (begin + count <= kTokens) REQUIRE(read(stream, begin, count) == from(begin, count));
  }
}

TEST_CASE("shard set: a shard is opened when it is first read, and stays open") {
  const ManyShards many;
  const auto set = many.set(3);
  const TokenStream stream(set);
  CHECK(set->open_first(2) == 2);
  for (std::size_t shard = 0; shard < 3; ++shard) std::filesystem::remove(many.shard(shard));
  CHECK(read(stream, 0, 6) == from(0, 6));
  const auto error = caught([&] { read(stream, 5, 2); });
  CHECK(error.kind == ErrorKind::Data);
  CHECK(error.text.starts_with(many.shard(2) + ": a shard must be readable, got: "));
  CHECK(read(stream, 9, 3) == from(9, 3));  // the third that is open
  CHECK(read(stream, 0, 6) == from(0, 6));
  CHECK(read(stream, 12, 3) == from(12, 3));  // the one read longest ago goes
  CHECK(read(stream, 0, 6) == from(0, 6));
  CHECK(read(stream, 15, 6) == from(15, 6));
  CHECK_FALSE(caught([&] { read(stream, 0, 1); }).text.empty());
  CHECK_FALSE(caught([&] { many.set(3)->open_first(100); }).text.empty());
}

TEST_CASE("shard set: says where tokens lie") {
  const ManyShards many;
  const auto places = TokenStream(many.set(2)).places(5, 5);
  REQUIRE(places.size() == 3);
  CHECK(places[0].file == many.shard(1));
  CHECK(places[0].offset == 64 + 2 * 2);
  CHECK(places[0].count == 1);
  CHECK(places[0].bytes_per_token == 2);
  CHECK(places[1].file == many.shard(2));
  CHECK(places[1].offset == 64);
  CHECK(places[1].count == 3);
  CHECK(places[2].file == many.shard(3));
  CHECK(places[2].count == 1);
  CHECK(TokenStream(many.set(2)).places(kTokens, 0).empty());
  CHECK(TokenStream::from_ids({1, 2, 3}).places(0, 3).empty());
  CHECK(caught([&] { TokenStream(many.set(2)).places(kTokens, 1); }).kind == ErrorKind::Internal);
}

TEST_CASE("shard set: several threads may read while shards are opened and closed") {
  const ManyShards many;
  const TokenStream stream(many.set(2));
  std::atomic<int> good = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&, i] {
      bool equal = true;
      for (std::int64_t turn = 0; turn < 200; ++turn) {
        const std::int64_t begin = (turn * 13 + i * 17) % (kTokens - 9);
        equal = equal && read(stream, begin, 9) == from(begin, 9);
      }
      good += equal ? 1 : 0;
    });
  for (auto& thread : threads) thread.join();
  CHECK(good == 4);
}

}  // namespace longspan
