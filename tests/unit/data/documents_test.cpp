// Where documents begin: their table, blocks of one document, and what attention sees first.
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <map>
#include <numeric>
#include <vector>

#include "data/document_table.h"
#include "longspan/core/random.h"
#include "longspan/data/batches.h"
#include "support/temporary_folder.h"
#include "support/token_files.h"
#include "unit/tokenizer/caught.h"

namespace longspan {
namespace {

using Catch::Matchers::ContainsSubstring;
using testing::caught;
using Numbers = std::vector<std::int64_t>;

Numbers begins_of(const DocumentTable& table) {
  Numbers begins;
  for (std::int64_t i = 0; i < table.count(); ++i) begins.push_back(table.begin(i));
  return begins;
}

// Ids 100, 101, ...
TokenStream counting_stream(std::int64_t size) {
  std::vector<std::int32_t> ids(static_cast<std::size_t>(size));
  std::iota(ids.begin(), ids.end(), 100);
  return TokenStream::from_ids(ids);
}

TrainingStreams bounded(std::int64_t size, const Numbers& begins, DocumentBounds bounds,
                        std::int64_t seq_len) {
  return {{counting_stream(size)}, {bounds, {DocumentTable::from_begins(begins, size)}}, seq_len};
}

HostBatch read_all(const TrainingStreams& streams, std::int64_t seq_len) {
  Numbers blocks(static_cast<std::size_t>(num_blocks(streams, seq_len)));
  std::iota(blocks.begin(), blocks.end(), 0);
  HostBatch batch;
  read_blocks(streams, seq_len, 7, blocks, 0, batch);
  return batch;
}

DataConfig config_of(const testing::TemporaryFolder& folder, const std::string& tokenizer) {
  const auto path = [&](const char* name) { return (folder.path() / name).string(); };
  const auto document = config::Document::from_text(
      concat("data: {train: ", path("*.jsonl"), ", valid: ", path("valid.txt"),
             ", shards: ", path("shards"), ", tokenizer: ", tokenizer, "}\n"),
      "c.yaml", "/");
  return read_data_config(document.root().section("data"));
}

}  // namespace

TEST_CASE("documents: a table gives back what was written, and is refused when it is damaged") {
  const testing::TemporaryFolder folder;
  DocumentTableWriter writer(folder.path(), "train");
  for (const std::int64_t begin : {0, 4, 4, 9, 12}) writer.add(begin);
  const Json written = writer.finish(12);
  CHECK(written.at("count") == 3);
  const auto table = DocumentTable::read(folder.path(), written, 12);
  CHECK(begins_of(*table) == Numbers{0, 4, 9});
  CHECK(table->end(0) == 4);
  CHECK(table->end(2) == 12);
  for (std::int64_t token = 0; token < 12; ++token)
    CHECK(table->of_token(token) == (token < 4 ? 0 : token < 9 ? 1 : 2));
  const std::string path = (folder.path() / "train.documents").string();
  const std::string good = read_file(path);
  CHECK(good.size() == 16 + 3 * 8);
  const auto refused = [&](const std::string& content, const Json& described, std::int64_t tokens) {
    write_file_durably(path, content);
    const auto error = caught([&] { DocumentTable::read(folder.path(), described, tokens); });
    CHECK(error.kind == ErrorKind::Data);
    return error.text;
  };
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string flipped = good;
    flipped[i] = static_cast<char>(flipped[i] ^ 1);
    CHECK_THAT(refused(flipped, written, 12), ContainsSubstring("damaged"));
    CHECK_THAT(refused(good.substr(0, i), written, 12), ContainsSubstring("damaged"));
  }
  Json other = written;
  other["count"] = 4;
  CHECK_THAT(refused(good, other, 12), ContainsSubstring("a table of 4 documents must have"));
  CHECK_THAT(refused(good, written, 9), ContainsSubstring("stay below 9"));
  other = written;
  other["table"] = "../train.documents";
  CHECK_THAT(refused(good, other, 12), ContainsSubstring("inside the folder"));
}

TEST_CASE("documents: no block is of two, and each token is predicted once, from the one before") {
  RandomStream random(3, RandomPurpose::Benchmark, 0);
  for (const std::int64_t seq_len : {1, 3, 8, 50})
    for (int trial = 0; trial < 20; ++trial) {
      Numbers begins{0};
      const auto longest = trial % 2 == 0 ? 5.0 : 60.0;
      while (begins.size() < 150)
        begins.push_back(begins.back() + 1 + static_cast<std::int64_t>(random.uniform() * longest));
      const std::int64_t size = begins.back() + 3;
      const TrainingStreams streams = bounded(size, begins, DocumentBounds::Blocks, seq_len);
      const auto table = DocumentTable::from_begins(begins, size);
      const HostBatch batch = read_all(streams, seq_len);
      CHECK(batch.num_targets == size);
      CHECK(batch.first_seen.empty());
      std::int64_t expected = 0;
      for (std::int64_t block = 0; block < num_blocks(streams, seq_len); ++block) {
        const BlockPlace place = place_of_block(streams, seq_len, block);
        REQUIRE(place.number == block);
        REQUIRE(place.begin == expected);
        REQUIRE(place.count > 0);
        expected += place.count;
        REQUIRE(table->of_token(place.begin) == table->of_token(expected - 1));
        REQUIRE((place.count == seq_len || expected == table->end(table->of_token(place.begin))));
      }
      REQUIRE(expected == size);
      for (std::size_t i = 0; i < batch.target_ids.size(); ++i)
        if (batch.target_ids[i] > 100) REQUIRE(batch.input_ids[i] == batch.target_ids[i] - 1);
    }
}

TEST_CASE("documents: blocks must be asked for with the length that they were cut for") {
  const TrainingStreams streams = bounded(9, {0, 4}, DocumentBounds::Blocks, 3);
  CHECK(caught([&] { num_blocks(streams, 4); }).kind == ErrorKind::Internal);
}

TEST_CASE("documents: a position attends to its own document alone") {
  const Numbers begins{0, 2, 3, 11, 12, 20};
  constexpr std::int64_t kSize = 23, kSeqLen = 5;
  const TrainingStreams streams = bounded(kSize, begins, DocumentBounds::Attention, kSeqLen);
  const HostBatch batch = read_all(streams, kSeqLen);
  const HostBatch across = read_all(counting_stream(kSize), kSeqLen);
  CHECK(batch.input_ids == across.input_ids);
  CHECK(batch.target_ids == across.target_ids);
  CHECK(across.first_seen.empty());
  REQUIRE(batch.first_seen.size() == batch.input_ids.size());
  for (std::int64_t i = 0; i < kSize; ++i) {
    const std::int64_t begin = *std::prev(std::ranges::upper_bound(begins, i));
    const std::int64_t block = i / kSeqLen * kSeqLen;
    CHECK(batch.first_seen[static_cast<std::size_t>(i)] ==
          std::max<std::int64_t>(0, begin - block));
  }
  // Padding sees what the last position sees, so that nothing falls.
  CHECK(std::vector(batch.first_seen.end() - 3, batch.first_seen.end()) ==
        std::vector<std::int32_t>(3, 0));
}

TEST_CASE("documents: prepare knows files and records, for lines as for documents") {
  const testing::TemporaryFolder folder;
  const auto write = [&](const char* name, const std::string& text) {
    write_file_durably(folder.path() / name, text);
  };
  write("a.jsonl", "{\"text\": \"a b\\nc\"}\n\n{\"text\": \"\"}\n{\"text\": \"d\"}\n");
  write("b.jsonl", "{\"text\": \"e f g\"}\n");
  write("valid.txt", "a b\nc d\n");
  const std::string tokenizer = GENERATE(std::string("{kind: word}"), std::string("{kind: bytes}"));
  INFO(tokenizer);
  const bool words = tokenizer == "{kind: word}";
  const ShardFolder shards = prepare_data(config_of(folder, tokenizer));
  // a b </s> c </s> | d </s> | e f g </s>, and a b . c | s d | s e f g with the start ids that end
  // a document
  CHECK(begins_of(*shards.documents("train")) == (words ? Numbers{0, 5, 7} : Numbers{0, 6, 8}));
  CHECK(begins_of(*shards.documents("valid")) == Numbers{0});
  shards.verify();
  CHECK(shards.fingerprint() == shards.fingerprint(DocumentBounds::None));
  CHECK(shards.fingerprint() != shards.fingerprint(DocumentBounds::Attention));
  std::filesystem::remove(folder.path() / "shards" / "train.documents");
  CHECK(caught([&] { shards.verify(); }).kind == ErrorKind::Data);
  CHECK_THAT(caught([&] { prepare_data(config_of(folder, tokenizer)); }).text,
             ContainsSubstring("a table of documents must be readable"));
  std::filesystem::remove_all(folder.path() / "shards");
}

}  // namespace longspan
