// What becomes of steps that must not count.

#include "train/guard.h"

#include <catch2/catch_test_macros.hpp>

namespace longspan {
namespace {

TEST_CASE("updates are left out so many times in a row, and a good one begins the count anew") {
  Guard guard({.non_finite = GuardAction::Skip, .max_skips = 2});
  CHECK(guard.judge_non_finite() == GuardAction::Skip);
  CHECK(guard.judge_non_finite() == GuardAction::Skip);
  guard.count_update();
  CHECK(guard.judge_non_finite() == GuardAction::Skip);
  Guard other({.non_finite = GuardAction::Skip, .max_skips = 2});
  other.set_state(guard.state());
  for (Guard* each : {&guard, &other}) {
    CHECK(each->judge_non_finite() == GuardAction::Skip);
    CHECK(each->judge_non_finite() == GuardAction::Stop);
  }
}

}  // namespace
}  // namespace longspan
