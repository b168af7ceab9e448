// What becomes of steps that must not count.

#include "train/guard.h"

#include <catch2/catch_test_macros.hpp>
#include <cmath>

namespace longspan {
namespace {

GuardConfig spikes(double deviations, double factor) {
  GuardConfig config;
  config.spike = GuardAction::Skip;
  config.spike_window_steps = 4;
  config.spike_deviations = deviations;
  config.spike_factor = factor;
  return config;
}

TEST_CASE("updates are left out so many times in a row, and a good one begins the count anew") {
  GuardConfig config;
  config.non_finite = GuardAction::Skip;
  config.max_skips = 2;
  Guard guard(config);
  CHECK(guard.judge_non_finite().action == GuardAction::Skip);
  CHECK(guard.judge_non_finite().action == GuardAction::Skip);
  guard.count_update(4.0);
  CHECK(guard.judge_non_finite().action == GuardAction::Skip);
  Guard other(config);
  other.set_state(guard.state());
  for (Guard* each : {&guard, &other}) {
    CHECK(each->judge_non_finite().action == GuardAction::Skip);
    const auto last = each->judge_non_finite();
    CHECK(last.action == GuardAction::Stop);
    CHECK(last.reason == " after 2 updates skipped in a row (train.guard.max_skips)");
    CHECK(each->state().losses.empty());
  }
}

TEST_CASE("a run is rolled back so many times, and what it knew then is known again") {
  GuardConfig config = spikes(0.0, 2.0);
  config.non_finite = GuardAction::Rollback;
  config.max_rollbacks = 2;
  Guard guard(config);
  const Guard::State earlier{0, {4.0, 3.0}, 0};
  for (int i = 0; i < 2; ++i) {
    guard.count_update(2.0);
    CHECK(guard.judge_non_finite().action == GuardAction::Rollback);
    guard.roll_back_to(earlier);
    CHECK(guard.state().losses == earlier.losses);
  }
  const auto last = guard.judge_non_finite();
  CHECK(last.action == GuardAction::Stop);
  CHECK(last.reason == " after 2 rollbacks (train.guard.max_rollbacks)");
  CHECK(guard.judge_spike().action == GuardAction::Skip);
}

TEST_CASE("a spike is measured by the last losses, once there are as many as the window has") {
  Guard guard(spikes(3.0, 0.0));
  for (const double loss : {9.0, 4.0, 6.0}) {
    guard.count_update(loss);
    CHECK_FALSE(guard.highest_loss());
  }
  guard.count_update(4.0);
  REQUIRE(guard.highest_loss());
  guard.count_update(6.0);  // the 9 leaves the window: mean 5, squares of deviations 4 x 1
  CHECK(guard.state().losses == std::vector<double>{4.0, 6.0, 4.0, 6.0});
  CHECK(*guard.highest_loss() == 5.0 + 3.0 * std::sqrt(4.0 / 3.0));
  Guard other(spikes(3.0, 1.5));
  other.set_state(guard.state());
  CHECK(*other.highest_loss() == 7.5);
  Guard lower(spikes(1.0, 1.5));
  lower.set_state(guard.state());
  CHECK(*lower.highest_loss() == 5.0 + std::sqrt(4.0 / 3.0));
  CHECK(lower.judge_spike().action == GuardAction::Skip);
  CHECK(lower.state().losses == guard.state().losses);
}

}  // namespace
}  // namespace longspan
