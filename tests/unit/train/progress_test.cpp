// Which validation is the best one.

#include "train/progress.h"

#include <catch2/catch_test_macros.hpp>
#include <limits>
#include <numbers>
#include <string>

#include "longspan/core/error.h"

namespace longspan {
namespace {

constexpr double kNotANumber = std::numeric_limits<double>::quiet_NaN();

double nats(double bits) { return bits * std::numbers::ln2; }

TEST_CASE("counters that no run has are refused") {
  RunProgress progress;
  progress.loss_scale = {128.0, 7};
  progress.guard = Guard::State{3, {1.0, 0.1}, 2};
  progress.saved_loss = {5.5, 16, {{"threads", "1"}}};
  progress.unfinished = {
      0.5, 1.25, {{"layers.0", 1.0 / 3.0, 2.0, 1e-5}, {"head", 1.0, 3.0, 0.1}}, {7.25}};
  const Json good = progress.to_json();
  CHECK(RunProgress::from_json(good).to_json() == good);
  const auto refusal = [&](const char* key, const Json& value) {
    Json damaged = good;
    damaged[key] = value;
    try {
      RunProgress::from_json(damaged);
    } catch (const Error& error) {
      CHECK(error.kind() == ErrorKind::Checkpoint);
      return std::string(error.what());
    }
    return std::string("no error");
  };
  CHECK(refusal("step", -1) ==
        "trainer.json: step must be an integer from 0 to 1125899906842624, got -1");
  CHECK(refusal("tokens", 1e300).starts_with("trainer.json: tokens must be an integer from 0"));
  CHECK(refusal("best_step", 1ull << 63).starts_with("trainer.json: best_step must be an integer"));
  CHECK(refusal("loss_scale", 5) == "trainer.json: loss_scale must be an object, got 5");
  CHECK(refusal("guard", {{"skips_in_a_row", -1}})
            .starts_with("trainer.json: guard.skips_in_a_row must be an integer from 0"));
  CHECK(refusal("guard", {{"skips_in_a_row", 1}, {"losses", {"1"}}}) ==
        "trainer.json: guard.losses must be a list of numbers, got a list");
  CHECK(refusal("guard", {{"skips_in_a_row", 1}, {"losses", Json::array()}}) ==
        "trainer.json: guard.rollbacks must be given");
  CHECK(refusal("saved_loss", {{"nats", 1.0}, {"tokens", 0}})
            .starts_with("trainer.json: saved_loss.tokens must be an integer from 1"));
  CHECK(refusal("saved_loss", {{"nats", 1.0}, {"tokens", 1}, {"environment", {{"threads", 1}}}}) ==
        "trainer.json: saved_loss.environment.threads must be a text, got 1");
  CHECK(refusal("unfinished", {{"lr", 1.0}}) == "trainer.json: unfinished.grad_norm must be given");
  CHECK(
      refusal("unfinished", {{"lr", 1.0}, {"grad_norm", 1.0}, {"layer_norms", {{"head", {1}}}}}) ==
      "trainer.json: unfinished.layer_norms.head must be a list of 3 numbers, got a list");
  CHECK(refusal("data_order_version", 0)
            .starts_with("trainer.json: data_order_version must be an integer from 1"));
  CHECK(refusal("data_fingerprint", 3) == "trainer.json: data_fingerprint must be a text, got 3");
}

TEST_CASE("the first validation is the best, one that is not a number never") {
  for (const auto rule : {BestRule::Lower, BestRule::Fairseq}) {
    CHECK(is_better(4.0, std::nullopt, rule));
    CHECK(is_better(3.0, 4.0, rule));
    CHECK_FALSE(is_better(4.0, 3.0, rule));
    CHECK_FALSE(is_better(kNotANumber, std::nullopt, rule));
    CHECK_FALSE(is_better(kNotANumber, 4.0, rule));
  }
}

TEST_CASE("fairseq's rule takes the later of two losses that are equal in bits to 3 decimals") {
  const double best = nats(4.3018), higher = nats(4.3024), above = nats(4.3026);
  CHECK(is_better(best, best, BestRule::Fairseq));
  CHECK(is_better(higher, best, BestRule::Fairseq));
  CHECK_FALSE(is_better(above, best, BestRule::Fairseq));
  CHECK_FALSE(is_better(best, best, BestRule::Lower));
  CHECK_FALSE(is_better(higher, best, BestRule::Lower));
  CHECK(is_better(best, higher, BestRule::Lower));
  // 0.001 nats are more than 0.001 bits, so rounding in nats would call these equal.
  CHECK_FALSE(is_better(2.98240, 2.98160, BestRule::Fairseq));
}

}  // namespace
}  // namespace longspan
