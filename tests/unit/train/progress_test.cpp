// Which validation is the best one.

#include "train/progress.h"

#include <catch2/catch_test_macros.hpp>
#include <limits>
#include <numbers>

namespace longspan {
namespace {

constexpr double kNotANumber = std::numeric_limits<double>::quiet_NaN();

double nats(double bits) { return bits * std::numbers::ln2; }

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
