// What a mixture of corpora promises, through the loader of each rank.
#include "data/mixture_rule.h"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <cstdlib>
#include <map>
#include <numeric>
#include <string>
#include <vector>

#include "longspan/core/ceil_divide.h"
#include "longspan/core/random.h"
#include "longspan/data/batches.h"

namespace longspan {
namespace {

using Numbers = std::vector<std::int64_t>;

constexpr std::int32_t kStartId = 7;
constexpr std::int64_t kIdsOfCorpus = 100000;

/// Throws unless each corpus has its share of every prefix within less than one.
void check_proportions(const Numbers& weights, std::int64_t count) {
  const MixtureRule rule(weights);
  const auto sum = std::accumulate(weights.begin(), weights.end(), std::int64_t{0});
  Numbers counts(weights.size(), 0);
  for (std::int64_t n = 1; n <= count; ++n) {
    const std::size_t corpus = rule.next(counts);
    REQUIRE(corpus < weights.size());
    for (std::size_t c = 0; c < weights.size(); ++c)
      if (std::abs(counts[c] * sum - weights[c] * n) >= sum) {
        CAPTURE(n, c, counts[c], weights);
        FAIL("a corpus is a whole sequence off its share");
      }
  }
}

/// Corpora whose ids say which corpus and which place they are of.
struct Mixture {
  std::string what;
  Numbers weights, sizes;
  std::int64_t seq_len, sequences_per_step;

  TrainingStreams streams() const {
    std::vector<TokenStream> streams;
    for (std::size_t c = 0; c < sizes.size(); ++c) {
      std::vector<std::int32_t> ids(static_cast<std::size_t>(sizes[c]));
      std::iota(ids.begin(), ids.end(),
                static_cast<std::int32_t>(kIdsOfCorpus) * static_cast<std::int32_t>(c + 1));
      streams.push_back(TokenStream::from_ids(std::move(ids)));
    }
    return TrainingStreams(std::move(streams));
  }
  std::int64_t blocks_of(std::size_t corpus) const { return ceil_divide(sizes[corpus], seq_len); }
  std::shared_ptr<const BatchPlan> plan(BatchOrder order, std::uint64_t seed) const {
    BatchPlanOptions options{order, seed, num_blocks(streams(), seq_len), sequences_per_step};
    options.seq_len = seq_len;
    for (std::size_t c = 0; c < sizes.size(); ++c)
      options.corpora.push_back({weights[c], sizes[c]});
    return make_batch_plan(options);
  }
};
const std::vector<Mixture> kMixtures{
    {"two, one short block each", {7, 3}, {61, 30}, 4, 6},
    {"a small corpus with a large share", {1, 9}, {400, 21}, 8, 5},
    {"three, of which one is a single token", {2, 5, 1}, {64, 33, 1}, 8, 7},
    {"equal shares", {1, 1, 1, 1}, {40, 41, 42, 43}, 5, 3},
    {"one alone", {3}, {61}, 4, 6},
    {"a share of one in a thousand", {999, 1}, {300, 50}, 3, 16},
};

/// A row of a step over all ranks.
struct Row {
  std::int64_t sequence = 0;
  Numbers inputs, targets;
  bool operator==(const Row&) const = default;
};

/// Appends the rows of `count` steps from `first` on, as that many ranks see them together.
void train(const Mixture& mixture, const std::shared_ptr<const BatchPlan>& plan, int world_size,
           std::int64_t first, std::int64_t count, std::vector<std::vector<Row>>& steps) {
  const std::size_t before = steps.size();
  steps.resize(before + static_cast<std::size_t>(count));
  for (int rank = 0; rank < world_size; ++rank) {
    BatchLoader loader(mixture.streams(), plan, mixture.seq_len, kStartId, first,
                       {rank, world_size});
    for (auto step = steps.begin() + static_cast<std::ptrdiff_t>(before); step != steps.end();
         ++step) {
      const HostBatch& batch = loader.next().batch;
      for (std::size_t i = 0; i < batch.sequence_ids.size(); ++i) {
        const auto begin = static_cast<std::ptrdiff_t>(i) * mixture.seq_len,
                   end = begin + mixture.seq_len;
        step->push_back({batch.sequence_ids[i],
                         {batch.input_ids.begin() + begin, batch.input_ids.begin() + end},
                         {batch.target_ids.begin() + begin, batch.target_ids.begin() + end}});
      }
    }
  }
}

template <class Property>
void for_each_mixture(const Property& property) {
  for (const Mixture& mixture : kMixtures)
    for (const BatchOrder order : {BatchOrder::Shuffled, BatchOrder::Sequential})
      for (const std::uint64_t seed : {1, 20}) {
        CAPTURE(mixture.what, name_of(order), seed);
        property(mixture, mixture.plan(order, seed));
      }
}

}  // namespace

TEST_CASE("mixture rule: every prefix has each corpus's share within less than a sequence") {
  for (const Numbers& weights :
       {Numbers{1}, Numbers{7, 3}, Numbers{1, 999}, Numbers{1, 1, 1, 1, 1, 1, 1},
        Numbers{70, 20, 10}, Numbers{500001, 499999}, Numbers{333333, 333333, 333334},
        Numbers{1, 2, 4, 8, 16, 32, 64, 128, 256, 512}})
    check_proportions(weights, 30000);
  RandomStream random(3, RandomPurpose::Sampling, 0);
  for (int i = 0; i < 300; ++i) {
    Numbers weights(2 + random.below(11));
    for (auto& weight : weights)
      weight = 1 + static_cast<std::int64_t>(random.below(1 << (1 + random.below(12))));
    check_proportions(weights, 3000);
  }
}

TEST_CASE("mixture rule: the counts before a sequence are those that went before it") {
  for (const Numbers& weights : {Numbers{7, 3}, Numbers{14, 6}, Numbers{5, 1, 17}}) {
    const MixtureRule rule(weights);
    Numbers counts(weights.size(), 0);
    for (std::int64_t n = 0; n < 100; ++n) {
      REQUIRE(rule.counts_before(n) == counts);
      rule.next(counts);
    }
  }
  const MixtureRule rule({7, 3});
  CHECK(rule.period() == 10);
  const std::int64_t far = (std::int64_t{1} << 50) / 10 * 10;
  Numbers counts = rule.counts_before(far + 3), from_start = rule.counts_before(3);
  CHECK(counts[0] == far / 10 * 7 + from_start[0]);
  CHECK(rule.next(counts) == rule.next(from_start));
}

TEST_CASE("mixture: each epoch of each corpus predicts each of its tokens once") {
  for_each_mixture([](const Mixture& mixture, const auto& plan) {
    const std::int64_t steps_in_all = 400 / mixture.sequences_per_step + 60;
    std::vector<std::vector<Row>> steps;
    train(mixture, plan, 1, 0, steps_in_all, steps);
    std::map<std::pair<std::size_t, std::int64_t>, Numbers> targets;  // by corpus and epoch
    Numbers sequences(mixture.sizes.size(), 0), tokens(mixture.sizes.size(), 0);
    std::int64_t sequence = 0;
    for (std::size_t step = 0; step < steps.size(); ++step) {
      const auto progress = plan->progress(static_cast<std::int64_t>(step));
      REQUIRE(progress.size() == sequences.size());
      for (std::size_t c = 0; c < progress.size(); ++c) {
        REQUIRE(progress[c].sequences == sequences[c]);
        REQUIRE(progress[c].tokens == tokens[c]);
        REQUIRE(progress[c].epoch ==
                static_cast<double>(sequences[c]) / static_cast<double>(mixture.blocks_of(c)));
      }
      for (const Row& row : steps[step]) {
        REQUIRE(row.sequence == sequence++);
        const auto corpus = static_cast<std::size_t>(row.targets[0] / kIdsOfCorpus - 1);
        auto& seen = targets[{corpus, sequences[corpus]++ / mixture.blocks_of(corpus)}];
        for (std::size_t i = 0; i < row.targets.size(); ++i) {
          const std::int64_t target = row.targets[i];
          if (target == kIgnoredTarget) continue;
          seen.push_back(target);
          ++tokens[corpus];
          REQUIRE(row.inputs[i] == (target % kIdsOfCorpus == 0 ? kStartId : target - 1));
        }
      }
    }
    for (auto& [place, seen] : targets) {
      const auto& [corpus, epoch] = place;
      if ((epoch + 1) * mixture.blocks_of(corpus) > sequences[corpus]) continue;  // not at its end
      Numbers all(static_cast<std::size_t>(mixture.sizes[corpus]));
      std::iota(all.begin(), all.end(), kIdsOfCorpus * static_cast<std::int64_t>(corpus + 1));
      std::ranges::sort(seen);
      REQUIRE(seen == all);
    }
  });
}

TEST_CASE("mixture: any number of ranks and any restart see the same tokens in the same steps") {
  RandomStream random(5, RandomPurpose::Sampling, 0);
  const std::vector<int> world_sizes{1, 2, 3, 4, 8};
  for_each_mixture([&](const Mixture& mixture, const auto& plan) {
    constexpr std::int64_t kSteps = 20;
    std::vector<std::vector<Row>> whole;
    train(mixture, plan, 1, 0, kSteps, whole);
    for (const int world_size : world_sizes) {
      std::vector<std::vector<Row>> together;
      train(mixture, plan, world_size, 0, kSteps, together);
      CAPTURE(world_size);
      REQUIRE(together == whole);
    }
    for (std::int64_t first = 0; first < kSteps; ++first) {
      std::vector<std::vector<Row>> rest;
      train(mixture, plan, world_sizes[random.below(world_sizes.size())], first, kSteps - first,
            rest);
      REQUIRE(std::equal(rest.begin(), rest.end(), whole.begin() + first, whole.end()));
    }
  });
}

TEST_CASE("mixture: a step far on is found at once, whatever was asked for before") {
  const Mixture mixture{"", {333333, 333333, 333334}, {5000, 6000, 7000}, 8, 144};
  const auto plan = mixture.plan(BatchOrder::Shuffled, 3),
             other = mixture.plan(BatchOrder::Shuffled, 3);
  const std::int64_t far = 10000000;
  const auto blocks = plan->sequences(far).blocks;
  for (const std::int64_t step : {far - 1, far + 5, std::int64_t{0}, far, far + 1})
    other->sequences(step);
  CHECK(other->sequences(far).blocks == blocks);
  CHECK(other->sequences(far).first_sequence == far * 144);
}

}  // namespace longspan
