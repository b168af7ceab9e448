// Blocks of a stream and the loader that reads ahead.
#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <chrono>
#include <map>
#include <thread>
#include <vector>

#include "data/batch_orders.h"
#include "unit/tokenizer/caught.h"

namespace longspan {
namespace {

using testing::caught;

TokenStream counting_stream(std::int32_t size) {
  std::vector<std::int32_t> ids;
  for (std::int32_t i = 0; i < size; ++i) ids.push_back(100 + i);
  return TokenStream::from_ids(ids);
}

std::shared_ptr<const BatchPlan> plan_of(BatchOrder order, std::int64_t num_blocks,
                                         std::int64_t per_step) {
  BatchPlanOptions options{order, 3, num_blocks, per_step};
  options.sequences_per_pass = per_step;
  return make_batch_plan(options);
}

/// A plan that fails from one step on.
class FailingPlan final : public BatchPlan {
 public:
  StepSequences sequences(std::int64_t step) const override {
    check(step < 2, ErrorKind::Data, "no step ", step);
    return {0, step, {step}};
  }
  std::int64_t steps_per_epoch() const override { return 1; }
};

/// A plan that counts how many steps were asked for.
class CountingPlan final : public BatchPlan {
 public:
  StepSequences sequences(std::int64_t step) const override {
    ++asked;
    return {0, step, {0}};
  }
  std::int64_t steps_per_epoch() const override { return 1; }
  mutable std::atomic<int> asked = 0;
};

HostBatch read(const TokenStream& stream, std::int64_t seq_len, std::int32_t start_id,
               const std::vector<std::int64_t>& blocks, std::int64_t first_sequence) {
  HostBatch batch;
  read_blocks(stream, seq_len, start_id, blocks, first_sequence, batch);
  return batch;
}

}  // namespace

TEST_CASE("blocks: the input is the stream shifted by one, the short last block is kept") {
  const TokenStream stream = counting_stream(7);
  CHECK(num_blocks(stream, 3) == 3);
  CHECK(num_blocks(stream, 7) == 1);
  CHECK(num_blocks(stream, 8) == 1);
  CHECK(num_blocks(TokenStream::from_ids({}), 3) == 0);
  const HostBatch batch = read(stream, 3, 2, {2, 0, 1}, 40);
  CHECK(batch.num_sequences == 3);
  CHECK(batch.seq_len == 3);
  CHECK(batch.num_targets == 7);
  CHECK(batch.input_ids == std::vector<std::int64_t>{105, 0, 0, 2, 100, 101, 102, 103, 104});
  CHECK(batch.target_ids == std::vector<std::int64_t>{106, kIgnoredTarget, kIgnoredTarget, 100, 101,
                                                      102, 103, 104, 105});
  CHECK(batch.sequence_ids == std::vector<std::int64_t>{40, 41, 42});
  const HostBatch wide = read(stream, 9, 2, {0}, 0);
  CHECK(wide.input_ids == std::vector<std::int64_t>{2, 100, 101, 102, 103, 104, 105, 0, 0});
}

TEST_CASE("blocks: nothing is left of what a batch held before") {
  const TokenStream stream = counting_stream(7);
  for (const std::vector<std::int64_t>& blocks :
       std::vector<std::vector<std::int64_t>>{{0, 1}, {2, 1}, {2}, {0, 1, 2}, {}}) {
    HostBatch batch = read(stream, 3, 2, {1, 0}, 5);
    read_blocks(stream, 3, 2, blocks, 40, batch);
    const HostBatch fresh = read(stream, 3, 2, blocks, 40);
    CHECK(batch.num_sequences == fresh.num_sequences);
    CHECK(batch.num_targets == fresh.num_targets);
    CHECK(batch.input_ids == fresh.input_ids);
    CHECK(batch.target_ids == fresh.target_ids);
    CHECK(batch.sequence_ids == fresh.sequence_ids);
  }
}

TEST_CASE("blocks: a number outside the stream is a bug") {
  CHECK(caught([] {
          read(counting_stream(7), 3, 2, {3}, 0);
        }).text.starts_with("block must be in 0 .. 2, got 3"));
  CHECK_FALSE(caught([] { read(counting_stream(7), 3, 2, {-1}, 0); }).text.empty());
}

TEST_CASE(
    "blocks: every token of the stream is predicted once an epoch, from the token before it") {
  for (const auto& [name, order, maker, version] : kBatchOrders) {
    for (const std::int64_t seq_len : {1, 4, 7, 30}) {
      CAPTURE(name, seq_len);
      const TokenStream stream = counting_stream(29);
      const std::int64_t blocks = num_blocks(stream, seq_len);
      const auto plan = plan_of(order, blocks, 1);
      std::map<std::int64_t, int> predicted;
      for (std::int64_t step = 0; step < blocks; ++step) {
        const StepSequences sequences = plan->sequences(step);
        const HostBatch batch =
            read(stream, seq_len, 99, sequences.blocks, sequences.first_sequence);
        for (std::size_t i = 0; i < batch.target_ids.size(); ++i) {
          if (batch.target_ids[i] == kIgnoredTarget) continue;
          ++predicted[batch.target_ids[i]];
          REQUIRE(batch.input_ids[i] == batch.target_ids[i] - 1);
        }
      }
      REQUIRE(predicted.size() == 29);
      for (const auto& [token, times] : predicted) REQUIRE(times == 1);
    }
  }
}

TEST_CASE("batch loader: gives what reading directly gives, from any step") {
  const TokenStream stream = counting_stream(53);
  for (const auto& [name, order, maker, version] : kBatchOrders) {
    const auto plan = plan_of(order, num_blocks(stream, 5), 3);
    for (const std::int64_t first : {0, 9}) {
      CAPTURE(name, first);
      BatchLoader loader(stream, plan, 5, 2, first);
      for (std::int64_t step = first; step < first + 12; ++step) {
        const StepSequences sequences = plan->sequences(step);
        const HostBatch direct = read(stream, 5, 2, sequences.blocks, sequences.first_sequence);
        const BatchLoader::Step& loaded = loader.next();
        REQUIRE(loaded.step == step);
        REQUIRE(loaded.epoch == sequences.epoch);
        REQUIRE(loaded.batch.input_ids == direct.input_ids);
        REQUIRE(loaded.batch.target_ids == direct.target_ids);
        REQUIRE(loaded.batch.sequence_ids == direct.sequence_ids);
        REQUIRE(loaded.batch.num_targets == direct.num_targets);
      }
    }
  }
}

TEST_CASE("batch loader: an error of the thread comes after the steps before it, and stays") {
  BatchLoader loader(counting_stream(9), std::make_shared<FailingPlan>(), 3, 2, 0);
  CHECK(loader.next().step == 0);
  CHECK(loader.next().step == 1);
  for (int i = 0; i < 2; ++i) {
    const auto error = caught([&] { loader.next(); });
    CHECK(error.kind == ErrorKind::Data);
    CHECK(error.text == "no step 2");
  }
}

TEST_CASE("batch loader: reads two large steps ahead, and not more than 64 small ones") {
  for (const auto& [seq_len, ahead] : std::map<std::int64_t, int>{
           {1, 64}, {3, 64}, {1 << 13, 16}, {1 << 15, 4}, {1 << 17, 2}, {1 << 20, 2}}) {
    CAPTURE(seq_len);
    const auto plan = std::make_shared<CountingPlan>();
    BatchLoader loader(counting_stream(9), plan, seq_len, 2, 0);
    const auto asked_after = [&](int at_least) {
      for (int turns = 0; plan->asked < at_least && turns < 4000; ++turns)
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
      std::this_thread::sleep_for(std::chrono::milliseconds(20));  // in which it may be too many
      return plan->asked.load();
    };
    CHECK(asked_after(ahead) == ahead);
    for (int i = 0; i < ahead; ++i) loader.next();
    const int used_up = asked_after(ahead + ahead / 2);
    CHECK(used_up >= ahead + ahead / 2);
    CHECK(used_up <= 2 * ahead);
  }
}

TEST_CASE("batch loader: ends at once, with or without steps taken") {
  const auto plan = std::make_shared<CountingPlan>();
  for (int taken = 0; taken < 4; ++taken) {
    plan->asked = 0;
    {
      BatchLoader loader(counting_stream(9), plan, 3, 2, 0);
      for (int i = 0; i < taken; ++i) loader.next();
    }
    CHECK(plan->asked <= taken + 66);
  }
  { const BatchLoader failed(counting_stream(9), std::make_shared<FailingPlan>(), 3, 2, 5); }
}

}  // namespace longspan
