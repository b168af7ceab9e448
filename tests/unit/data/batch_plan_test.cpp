// What every batch order must keep to.
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <numeric>
#include <string>
#include <vector>

#include "data/batch_orders.h"
#include "longspan/config/choice.h"
#include "longspan/core/random.h"
#include "longspan/core/random_permutation.h"
#include "unit/tokenizer/caught.h"

namespace longspan {
namespace {

using testing::caught;

std::unique_ptr<BatchPlan> make(BatchOrder order, std::int64_t num_blocks,
                                std::int64_t sequences_per_step, std::uint64_t seed = 1) {
  BatchPlanOptions options{order, seed, num_blocks, sequences_per_step};
  options.sequences_per_pass = sequences_per_step;
  return make_batch_plan(options);
}

/// The blocks of the first steps, one after another.
std::vector<std::int64_t> run(const BatchPlan& plan, std::int64_t num_steps) {
  std::vector<std::int64_t> blocks;
  for (std::int64_t step = 0; step < num_steps; ++step) {
    const StepSequences sequences = plan.sequences(step);
    CHECK(sequences.first_sequence == static_cast<std::int64_t>(blocks.size()));
    blocks.insert(blocks.end(), sequences.blocks.begin(), sequences.blocks.end());
  }
  return blocks;
}

struct Shape {
  std::int64_t num_blocks, sequences_per_step;
};
const std::vector<Shape> kShapes = {{11, 3}, {12, 4}, {3, 7}, {1, 2}, {5, 5}};

}  // namespace

TEST_CASE("every order: each epoch is a permutation of all blocks, without a gap between epochs") {
  for (const auto& [name, order, maker, version] : kBatchOrders) {
    for (const auto& [num_blocks, per_step] : kShapes) {
      CAPTURE(name, num_blocks, per_step);
      const auto plan = make(order, num_blocks, per_step);
      CHECK(plan->steps_per_epoch() == (num_blocks + per_step - 1) / per_step);
      const std::vector<std::int64_t> blocks = run(*plan, 4 * num_blocks);
      for (auto epoch = blocks.begin(); blocks.end() - epoch >= num_blocks; epoch += num_blocks) {
        std::vector<std::int64_t> sorted(epoch, epoch + num_blocks),
            expected(static_cast<std::size_t>(num_blocks));
        std::ranges::sort(sorted);
        std::iota(expected.begin(), expected.end(), 0);
        REQUIRE(sorted == expected);
      }
    }
  }
}

TEST_CASE("every order: a step depends on seed and step alone, whatever was asked before") {
  for (const auto& [name, order, maker, version] : kBatchOrders) {
    CAPTURE(name);
    const auto in_order = make(order, 11, 3, 5);
    std::vector<StepSequences> expected;
    for (std::int64_t step = 0; step < 40; ++step) expected.push_back(in_order->sequences(step));
    const auto shuffled = make(order, 11, 3, 5);
    const RandomPermutation mixed(40, random_key(1, RandomPurpose::Sampling, 0));
    for (std::int64_t asked = 0; asked < 40; ++asked) {
      const std::int64_t step = mixed.at(asked);
      const StepSequences sequences = shuffled->sequences(step);
      const auto at = static_cast<std::size_t>(step);
      REQUIRE(sequences.blocks == expected[at].blocks);
      REQUIRE(sequences.epoch == expected[at].epoch);
      REQUIRE(sequences.first_sequence == expected[at].first_sequence);
      REQUIRE(sequences.epoch == sequences.first_sequence / 11);
    }
  }
}

TEST_CASE("orders without batches of their own: the size of a step does not change the order") {
  for (const auto order : {BatchOrder::Shuffled, BatchOrder::Sequential}) {
    CAPTURE(config::name_of(kBatchOrders, order));
    CHECK(run(*make(order, 11, 3), 20) == run(*make(order, 11, 5), 12));
  }
}

TEST_CASE("sequential order: blocks in the order of the text") {
  CHECK(run(*make(BatchOrder::Sequential, 3, 2), 4) ==
        std::vector<std::int64_t>{0, 1, 2, 0, 1, 2, 0, 1});
}

TEST_CASE("shuffled order: differs between epochs and between seeds") {
  const auto epoch = [](std::uint64_t seed, std::int64_t number) {
    return make(BatchOrder::Shuffled, 50, 50, seed)->sequences(number).blocks;
  };
  CHECK(epoch(1, 0) != epoch(1, 1));
  CHECK(epoch(1, 0) != epoch(2, 0));
  CHECK(epoch(1, 0) == epoch(1, 0));
  CHECK_FALSE(std::ranges::is_sorted(epoch(1, 0)));
}

TEST_CASE("fairseq order: a step is several batches, and the last one of an epoch what is left") {
  BatchPlanOptions options{BatchOrder::Fairseq, 1, 23, 6};
  options.sequences_per_pass = 2;  // 12 batches, the last with one block; 3 a step
  options.last_block_is_short = true;
  const auto plan = make_batch_plan(options);
  CHECK(plan->steps_per_epoch() == 4);
  CHECK(run(*plan, 8).size() == 46);
  options.sequences_per_step = 10;  // 5 batches a step: 5, 5 and 2
  const auto larger = make_batch_plan(options);
  CHECK(larger->steps_per_epoch() == 3);
  std::vector<std::int64_t> epoch = run(*larger, 3);
  CHECK(epoch.size() == 23);
  CHECK(epoch == std::vector<std::int64_t>(run(*plan, 4)));
  options.sequences_per_pass = 4;
  const auto uneven = caught([&] { make_batch_plan(options); });
  CHECK(uneven.kind == ErrorKind::Config);
  CHECK(uneven.text ==
        "data.order fairseq makes batches of train.micro_batch_tokens, which must divide "
        "train.batch_tokens; got 4 and 10 sequences");
}

TEST_CASE("batch plan: impossible requests are refused") {
  CHECK(config::names_of(kBatchOrders) ==
        std::vector<std::string>{"shuffled", "sequential", "fairseq"});
  const auto no_blocks = caught([] { make(BatchOrder::Shuffled, 0, 3); });
  CHECK(no_blocks.kind == ErrorKind::Data);
  CHECK(no_blocks.text == "the training text must have at least one block, got 0");
  const auto no_sequences = caught([] { make(BatchOrder::Shuffled, 3, 0); });
  CHECK(no_sequences.kind == ErrorKind::Config);
  CHECK(no_sequences.text == "a step must have at least one sequence, got 0");
}

}  // namespace longspan
