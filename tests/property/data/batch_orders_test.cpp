// What every order of batches promises, through real shards and the loader of each rank.
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <map>
#include <numeric>
#include <string>
#include <vector>

#include "data/batch_orders.h"
#include "data/manifest.h"
#include "data/shard_writer.h"
#include "data/tokenizer_files.h"
#include "longspan/core/ceil_divide.h"
#include "longspan/core/random.h"
#include "support/temporary_folder.h"

namespace longspan {
namespace {

using Numbers = std::vector<std::int64_t>;

constexpr std::int32_t kStartId = 7;
const std::vector<int> kWorldSizes{1, 2, 3, 4, 8};

/// A corpus and how it is cut. The ids of its text are 1000, 1001, ...
struct Shape {
  std::string what;
  std::int32_t num_tokens;
  std::int64_t shard_tokens, seq_len, sequences_per_step, sequences_per_pass;
};
const std::vector<Shape> kShapes{
    {"one shard, a short last block", 61, 100, 4, 6, 2},
    {"many shards, blocks across their ends", 61, 5, 4, 6, 3},
    {"no short block", 64, 7, 8, 8, 4},
    {"a shard for each token", 40, 1, 7, 4, 1},
    {"one token", 1, 5, 3, 2, 1},
    {"a text shorter than a block", 11, 4, 30, 3, 1},
    {"fewer blocks than a step has sequences", 23, 6, 5, 16, 8},
    {"fewer sequences in a step than ranks", 53, 10, 6, 2, 2},
    {"a block for each token", 29, 8, 1, 5, 5},
};

std::int64_t num_blocks(const Shape& shape) {
  return ceil_divide<std::int64_t>(shape.num_tokens, shape.seq_len);
}

class Corpus {
 public:
  explicit Corpus(const Shape& shape) {
    TokenizerConfig config;
    config.kind = TokenizerKind::Ids;
    config.vocab_size = 2000;
    const auto tokenizer = build_tokenizer(config, {});
    make_folder(folder_.path() / "tokenizer");
    tokenizer->save(folder_.path() / "tokenizer");
    ShardWriter writer(folder_.path(), "train", 2, shape.shard_tokens);
    std::vector<std::int32_t> ids(static_cast<std::size_t>(shape.num_tokens));
    std::iota(ids.begin(), ids.end(), 1000);
    writer.append(ids);
    write_manifest(folder_.path(),
                   {{"format", kShardsFormat},
                    {"bytes_per_token", 2},
                    {"tokenizer",
                     {{"fingerprint", tokenizer->fingerprint()},
                      {"files", describe_tokenizer_files(folder_.path() / "tokenizer")}}},
                    {"splits",
                     {{{"name", "train"},
                       {"tokens", shape.num_tokens},
                       {"lines", 1},
                       {"words", 1},
                       {"bytes", 1},
                       {"shards", writer.finish()}}}}});
  }
  TokenStream stream() const { return ShardFolder::open(folder_.path()).stream("train"); }

 private:
  testing::TemporaryFolder folder_;
};

std::shared_ptr<const BatchPlan> plan_of(const Shape& shape, BatchOrder order, std::uint64_t seed) {
  BatchPlanOptions options{order, seed, num_blocks(shape), shape.sequences_per_step};
  options.sequences_per_pass = shape.sequences_per_pass;
  options.last_block_is_short = shape.num_tokens % shape.seq_len != 0;
  return make_batch_plan(options);
}

/// What all ranks together see in a step.
struct Seen {
  std::int64_t step = 0, epoch = 0;
  Numbers input_ids, target_ids, sequence_ids;
  bool operator==(const Seen&) const = default;
};

/// Appends what a number of ranks see in `count` steps from `first` on, one after another.
void train(const Shape& shape, const TokenStream& stream,
           const std::shared_ptr<const BatchPlan>& plan, int world_size, std::int64_t first,
           std::int64_t count, std::vector<Seen>& steps) {
  const std::size_t before = steps.size();
  steps.resize(before + static_cast<std::size_t>(count));
  for (int rank = 0; rank < world_size; ++rank) {
    BatchLoader loader(stream, plan, shape.seq_len, kStartId, first, {rank, world_size});
    for (auto seen = steps.begin() + static_cast<std::ptrdiff_t>(before); seen != steps.end();
         ++seen) {
      const BatchLoader::Step& own = loader.next();
      seen->step = own.step;
      seen->epoch = own.epoch;
      const auto append = [](const Numbers& more, Numbers& all) {
        all.insert(all.end(), more.begin(), more.end());
      };
      append(own.batch.input_ids, seen->input_ids);
      append(own.batch.target_ids, seen->target_ids);
      append(own.batch.sequence_ids, seen->sequence_ids);
    }
  }
}

/// Calls a property with every shape, order and two seeds.
template <class Property>
void for_each_order(const Property& property) {
  for (const Shape& shape : kShapes) {
    const Corpus corpus(shape);
    const TokenStream stream = corpus.stream();
    for (const BatchOrderKind& kind : kBatchOrders)
      for (const std::uint64_t seed : {1, 20}) {
        CAPTURE(shape.what, kind.name, seed);
        property(shape, stream, plan_of(shape, kind.value, seed));
      }
  }
}

}  // namespace

TEST_CASE("every order: each epoch predicts every token once, from the token before it") {
  for_each_order([](const Shape& shape, const TokenStream& stream, const auto& plan) {
    constexpr std::int64_t kEpochs = 3;
    std::vector<Seen> steps;
    train(shape, stream, plan, 1, 0, kEpochs * plan->steps_per_epoch(), steps);
    std::map<std::int64_t, Numbers> targets;  // by epoch
    for (const Seen& seen : steps)
      for (std::size_t i = 0; i < seen.target_ids.size(); ++i) {
        const std::int64_t target = seen.target_ids[i];
        if (target == kIgnoredTarget) continue;
        const auto row = i / static_cast<std::size_t>(shape.seq_len);
        targets[seen.sequence_ids[row] / num_blocks(shape)].push_back(target);
        REQUIRE(seen.input_ids[i] == (target == 1000 ? kStartId : target - 1));
      }
    Numbers all(static_cast<std::size_t>(shape.num_tokens));
    std::iota(all.begin(), all.end(), 1000);
    for (std::int64_t epoch = 0; epoch < kEpochs; ++epoch) {
      std::ranges::sort(targets[epoch]);
      REQUIRE(targets[epoch] == all);
    }
  });
}

TEST_CASE("every order: any number of ranks see the same tokens in the same steps") {
  for_each_order([](const Shape& shape, const TokenStream& stream, const auto& plan) {
    constexpr std::int64_t kSteps = 12;
    std::vector<Seen> alone;
    train(shape, stream, plan, 1, 0, kSteps, alone);
    for (const int world_size : kWorldSizes) {
      std::vector<Seen> together;
      train(shape, stream, plan, world_size, 0, kSteps, together);
      CAPTURE(world_size);
      REQUIRE(together == alone);
    }
  });
}

TEST_CASE("every order: a run goes on from any step, on any number of ranks") {
  RandomStream random(5, RandomPurpose::Sampling, 0);
  for_each_order([&](const Shape& shape, const TokenStream& stream, const auto& plan) {
    constexpr std::int64_t kSteps = 24;
    std::vector<Seen> whole;
    train(shape, stream, plan, 1, 0, kSteps, whole);
    for (std::int64_t first = 0; first < kSteps; ++first) {  // every point of restart
      std::vector<Seen> rest;
      train(shape, stream, plan, 1, first, kSteps - first, rest);
      REQUIRE(std::equal(rest.begin(), rest.end(), whole.begin() + first, whole.end()));
    }
    std::vector<Seen> parts;  // a restart after each few steps, every time on other ranks
    for (std::int64_t step = 0; step < kSteps;) {
      const auto count =
          std::min<std::int64_t>(kSteps - step, 1 + static_cast<std::int64_t>(random.below(6)));
      train(shape, stream, plan, kWorldSizes[random.below(kWorldSizes.size())], step, count, parts);
      step += count;
    }
    REQUIRE(parts == whole);
  });
}

TEST_CASE("shuffled order: a corpus of 2^33 tokens starts anywhere at once and repeats no block") {
  BatchPlanOptions options{BatchOrder::Shuffled, 3, std::int64_t{1} << 24, 144};  // of 512 tokens
  const auto plan = make_batch_plan(options);
  Numbers blocks;
  for (std::int64_t step = 1000000; step < 1001000; ++step) {
    const StepSequences sequences = plan->sequences(step);
    REQUIRE(sequences.first_sequence == step * 144);
    REQUIRE(sequences.epoch == 8);
    blocks.insert(blocks.end(), sequences.blocks.begin(), sequences.blocks.end());
  }
  std::ranges::sort(blocks);
  CHECK(std::ranges::adjacent_find(blocks) == blocks.end());
  CHECK(blocks.front() >= 0);
  CHECK(blocks.back() < options.num_blocks);
}

}  // namespace longspan
