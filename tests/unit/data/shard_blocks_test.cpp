// When the blocks of a shard are checked.
#include "data/shard_blocks.h"

#include <atomic>
#include <fstream>
#include <numeric>
#include <thread>

#include "unit/data/small_folder.h"

namespace longspan {
namespace {

using testing::caught;
using testing::read;
using testing::SmallFolder;

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

}  // namespace

TEST_CASE("shard blocks: only the blocks that a read touches are checked, each once") {
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

TEST_CASE("shard blocks: a shard that is cut short while it is open is an error, and no signal") {
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

TEST_CASE("shard blocks: several threads may read the same blocks at once") {
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

}  // namespace longspan
