// Runs that meet batches which must not count.

#include <cmath>
#include <limits>

#include "integration/program/bad_word.h"
#include "support/torch_catch.h"

namespace longspan {
namespace {

using Catch::Matchers::ContainsSubstring;
using testing::BadWord;
using Steps = BadWord::Steps;
using Words = std::vector<std::string>;

constexpr double kNotANumber = std::numeric_limits<double>::quiet_NaN();
const std::string kSkip = "train.guard={non_finite: skip}";

bool are_few(const Steps& steps) { return steps.size() == 2 && steps[0] > 5 && steps[1] < 18; }
bool are_all(const Steps& steps) { return steps.size() == 20; }

void check_equal_ends(const testing::TinyRun& tiny, const std::string& a, const std::string& b) {
  for (const auto* file : {"model.safetensors", "optimizer.safetensors"})
    CHECK(testing::checkpoint_file(tiny.path(a), 20, file) ==
          testing::checkpoint_file(tiny.path(b), 20, file));
  const auto rows = testing::stable_rows(tiny.path(a));
  CHECK(rows.size() == 20);
  CHECK(rows == testing::stable_rows(tiny.path(b)));
}

TEST_CASE("a batch that is not finite stops a run, or its update alone is left out") {
  const BadWord bad(are_few);
  const Steps steps = bad.steps();
  const auto stopped = bad.train("stopped", kNotANumber, {});
  INFO(stopped.err);
  CHECK(stopped.code == 5);
  CHECK_THAT(stopped.err, ContainsSubstring(concat("training diverged at step ", steps[0],
                                                   " on rank 0: gradient of embed.weight")));
  const auto result = bad.train("run", kNotANumber, {kSkip});
  INFO(result.err);
  REQUIRE(result.code == 0);
  CHECK_THAT(result.err,
             ContainsSubstring("update skipped on rank 0: gradient of embed.weight is not finite"));
  CHECK_THAT(result.err, ContainsSubstring("in_a_row=1 at_most=10 skipped=2"));
  std::int64_t skipped = 0;
  for (const Json& row : testing::stable_rows(bad.tiny().path("run"))) {
    const bool is_bad = std::ranges::count(steps, row["step"].get<std::int64_t>()) > 0;
    if (is_bad) ++skipped;
    INFO("step " << row["step"]);
    CHECK(row["train/skipped"] == skipped);
    CHECK(row["train/loss"].is_null() == is_bad);
  }
  CHECK(skipped == 2);
  const auto state =
      read_safetensors(bad.tiny().path("run/checkpoints/step-000000020/optimizer.safetensors"));
  const auto count = std::ranges::find(state, "step.head.weight", &NamedTensor::name);
  REQUIRE(count != state.end());
  CHECK(count->tensor.item<float>() == 18.0f);
}

TEST_CASE("ranks leave out the same updates, and say whose the bad batch was") {
  const BadWord bad([](const Steps& steps) { return steps.size() == 1 && steps[0] > 3; });
  std::string ranks;
  for (const int rank : {0, 1})
    if (!bad.steps({rank, 2}).empty()) ranks += concat(ranks.empty() ? "" : ", ", "rank ", rank);
  for (const auto* shards : {"false", "true"}) {
    const auto result =
        bad.train(concat("run-", shards), kNotANumber,
                  {kSkip, "--processes 2", concat("distributed.shard_optimizer=", shards)});
    INFO(result.err);
    REQUIRE(result.code == 0);
    CHECK_THAT(result.err, ContainsSubstring(
                               concat("update skipped on ", ranks, ": gradient of embed.weight")));
  }
  check_equal_ends(bad.tiny(), "run-false", "run-true");
}

TEST_CASE("a run whose every batch is bad stops after so many in a row, also when resumed") {
  const BadWord bad(are_all);
  const std::string guard = "train.guard={non_finite: skip, max_skips: 3}";
  const auto check_end = [&](const testing::Finished& result) {
    INFO(result.err);
    CHECK(result.code == 5);
    CHECK_THAT(result.err, ContainsSubstring("training diverged at step 4 on rank 0: ") &&
                               ContainsSubstring("after 3 updates skipped in a row "
                                                 "(train.guard.max_skips)"));
  };
  check_end(bad.train("whole", kNotANumber, {guard}));
  REQUIRE(bad.train("parts", kNotANumber, {guard, "train.max_steps=2"}).code == 0);
  check_end(bad.train("parts", kNotANumber, {guard}));
}

TEST_CASE("a run that skips has the bits of one in two parts") {
  const BadWord bad(are_few);
  const std::string validate = "validate.every_steps=1";  // so that both have all rows
  REQUIRE(bad.train("whole", kNotANumber, {kSkip, validate}).code == 0);
  for (const std::int64_t step : {bad.steps()[0], std::int64_t{20}})
    REQUIRE(
        bad.train("parts", kNotANumber, {kSkip, validate, concat("train.max_steps=", step)}).code ==
        0);
  check_equal_ends(bad.tiny(), "whole", "parts");
}

// Its logits are some 1e3 times too large.
constexpr double kSpike = 1e6;

TEST_CASE("a loss far above those before stops a run, or its update alone is left out") {
  const BadWord bad(are_few);
  const Steps steps = bad.steps();
  const auto through = bad.train("through", kSpike, {});
  INFO(through.err);
  REQUIRE(through.code == 0);
  const auto rows = testing::stable_rows(bad.tiny().path("through"));
  const auto at = static_cast<std::size_t>(steps[0]);
  REQUIRE(rows[at - 1]["train/loss"].get<double>() > 2 * rows[at - 2]["train/loss"].get<double>());
  const auto stopped = bad.train(
      "stopped", kSpike, {"train.guard={spike: stop, spike_window_steps: 5, spike_factor: 2}"});
  INFO(stopped.err);
  CHECK(stopped.code == 5);
  CHECK_THAT(stopped.err,
             ContainsSubstring(concat("training diverged at step ", steps[0], ": the loss ")) &&
                 ContainsSubstring("that train.guard allows after the last 5 updates"));
  for (const auto* rule : {"spike_factor: 2, spike_deviations: 0", "spike_deviations: 20"}) {
    const auto result = bad.train(
        rule, kSpike, {concat("train.guard={spike: skip, spike_window_steps: 5, ", rule, "}")});
    INFO(result.err);
    REQUIRE(result.code == 0);
    CHECK_THAT(result.err, ContainsSubstring("update skipped: the loss "));
    CHECK(testing::stable_rows(bad.tiny().path(rule)).back()["train/skipped"] == 2);
  }
}

TEST_CASE("a run that looks for spikes has the bits of one in parts, and ranks decide alike") {
  const BadWord bad(are_few);
  const std::string validate = "validate.every_steps=1",
                    guard = "train.guard={spike: skip, spike_window_steps: 5, spike_factor: 2}";
  REQUIRE(bad.train("whole", kSpike, {guard, validate}).code == 0);
  for (const std::int64_t step : {bad.steps()[0] - 1, std::int64_t{20}})
    REQUIRE(bad.train("parts", kSpike, {guard, validate, concat("train.max_steps=", step)}).code ==
            0);
  check_equal_ends(bad.tiny(), "whole", "parts");
  for (const auto* shards : {"false", "true"})
    REQUIRE(bad.train(concat("ranks-", shards), kSpike,
                      {guard, "--processes 2", concat("distributed.shard_optimizer=", shards)})
                .code == 0);
  check_equal_ends(bad.tiny(), "ranks-false", "ranks-true");
  CHECK(testing::stable_rows(bad.tiny().path("ranks-true")).back()["train/skipped"] == 2);
}

// Two bad batches, each with a scheduled checkpoint of its own before it.
bool are_apart(const Steps& steps) {
  return steps.size() == 2 && steps[0] > 6 && steps[0] < 10 && steps[1] > 11 && steps[1] < 18;
}

TEST_CASE("a run is rolled back past a bad batch, and one in parts to the same checkpoint") {
  const BadWord bad(are_apart);
  const Steps steps = bad.steps();
  const auto& tiny = bad.tiny();
  const std::string validate = "validate.every_steps=1",
                    keep = "checkpoint={every_steps: 5, keep_last: 1}";
  const auto guard =
      GENERATE("train.guard={non_finite: rollback}",
               "train.guard={spike: rollback, spike_window_steps: 3, spike_factor: 2}");
  const double row =
      std::string(guard).find("non_finite") == std::string::npos ? kSpike : kNotANumber;
  const auto train = [&](const std::string& run, std::int64_t max_steps, Words more = {}) {
    more.insert(more.begin(), {guard, validate, keep, concat("train.max_steps=", max_steps)});
    const auto result = bad.train(run, row, more);
    INFO(result.err);
    REQUIRE(result.code == 0);
    return result.err;
  };
  const std::string log = train("whole", 20);
  const auto saved_before = [](std::int64_t step) { return (step - 1) / 5 * 5; };
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK_THAT(log, ContainsSubstring(
                        concat("rolled back to the checkpoint of step ", saved_before(steps[i]))));
    CHECK_THAT(log, ContainsSubstring(concat("rollbacks=", i + 1, " at_most=3")));
  }
  const Json last = testing::stable_rows(tiny.path("whole")).back();
  CHECK(last["train/rollbacks"] == 2);
  CHECK(last["train/skipped"] ==
        steps[0] - saved_before(steps[0]) + steps[1] - saved_before(steps[1]));

  train("parts", 5);
  const std::string model = testing::checkpoint_file(tiny.path("parts"), 5, "model.safetensors"),
                    state =
                        testing::checkpoint_file(tiny.path("parts"), 5, "optimizer.safetensors");
  train("parts", 6);  // leaves a checkpoint that the schedule does not
  train("parts", steps[0]);
  CHECK(testing::checkpoint_file(tiny.path("parts"), steps[0], "model.safetensors") == model);
  CHECK(testing::checkpoint_file(tiny.path("parts"), steps[0], "optimizer.safetensors") == state);
  train("parts", steps[1] - 1);
  train("parts", 20);
  check_equal_ends(tiny, "whole", "parts");

  for (const auto* shards : {"false", "true"})
    train(concat("ranks-", shards), 20,
          {"--processes 2", concat("distributed.shard_optimizer=", shards)});
  check_equal_ends(tiny, "ranks-false", "ranks-true");
}

TEST_CASE("a run that cannot be rolled back, or not once more, stops") {
  const BadWord bad(are_apart);
  const auto stopped =
      bad.train("run", kNotANumber, {"train.guard={non_finite: rollback, max_rollbacks: 1}"});
  INFO(stopped.err);
  CHECK(stopped.code == 5);
  CHECK_THAT(stopped.err, ContainsSubstring(concat("training diverged at step ", bad.steps()[1])) &&
                              ContainsSubstring("after 1 rollbacks (train.guard.max_rollbacks)"));
  const auto first = bad.train("first", kNotANumber,
                               {"train.guard={non_finite: rollback}", "checkpoint.every_steps=15"});
  INFO(first.err);
  CHECK(first.code == 5);
  CHECK_THAT(first.err, ContainsSubstring("there is no checkpoint to roll back to"));
}

TEST_CASE("a run whose steps are computed twice has the bits of one whose steps are not") {
  const testing::TinyRun tiny;
  const Words checked{"--set", "train.check_every_steps=2", "--set",
                      "distributed.check_every_steps=2"};
  for (const auto* ranks : {"1", "2"}) {
    const auto train = [&](const std::string& run, Words words) {
      words.insert(words.end(), {"--processes", ranks, "--set", "log.every_steps=1"});
      const auto result = tiny.train(concat(run, ranks), words);
      INFO(result.err);
      REQUIRE(result.code == 0);
    };
    train("checked", checked);
    train("plain", {});
    check_equal_ends(tiny, concat("checked", ranks), concat("plain", ranks));
  }
}

}  // namespace
}  // namespace longspan
