// Standard errors and means by context against numbers worked out by hand, and coverage on
// correlated losses.
#include <cmath>

#include "evaluate/statistics.h"
#include "longspan/core/random.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>

namespace longspan {
namespace {

using Catch::Matchers::WithinRel;

TEST_CASE("for few losses the standard error is the usual one") {
  // Mean 3, squared deviations 4 + 0 + 4: sqrt(8 / 2 / 3).
  CHECK_THAT(standard_error({1.0, 3.0, 5.0}), WithinRel(std::sqrt(8.0 / 2.0 / 3.0), 1e-14));
  CHECK(standard_error({2.0, 2.0, 2.0, 2.0}) == 0.0);
  CHECK(std::isnan(standard_error({1.0})));
  CHECK(std::isnan(standard_error({})));
}

TEST_CASE("losses are taken together in segments, the short last one by its weight") {
  std::vector<double> losses;  // 37 losses: segments of 2, the 19th of 1
  for (int i = 0; i < 37; ++i) losses.push_back((i / 2) % 3);
  double mean = 0.0, sum = 0.0;
  for (const double loss : losses) mean += loss / 37;
  for (int k = 0; k < 19; ++k) {
    const double size = k == 18 ? 1 : 2;
    sum += std::pow(size / 37 * (k % 3 - mean), 2);
  }
  CHECK_THAT(standard_error(losses), WithinRel(std::sqrt(sum * 19.0 / 18.0), 1e-12));
}

TEST_CASE("the standard error tells how far means of correlated losses are from the truth") {
  constexpr int kRounds = 400, kLosses = 6400;
  int within = 0;
  for (std::uint64_t round = 0; round < kRounds; ++round) {
    RandomStream random(round, RandomPurpose::Benchmark, 2);
    std::vector<double> losses;
    double drift = 0.0, mean = 0.0;
    for (int i = 0; i < kLosses; ++i) {
      drift = 0.9 * drift + random.normal();
      losses.push_back(drift + random.normal());
      mean += losses.back() / kLosses;
    }
    within += std::abs(mean) < 2.0 * standard_error(losses);
  }
  CHECK(within > 0.88 * kRounds);
  CHECK(within < 0.99 * kRounds);
}

TEST_CASE("losses are sorted by the tokens that their targets see") {
  const std::vector<double> losses = {1, 2, 4, 8, 16, 32, 64};
  const LossByContext blocks = loss_by_context(losses, make_windows(7, 4, {}), 4);
  CHECK(blocks.early == (1 + 16) / 2.0);
  CHECK(blocks.full == 8.0);
  const LossByContext sliding = loss_by_context(losses, make_windows(7, 4, {1}), 3);
  CHECK(sliding.early == 1.0);
  CHECK(sliding.full == (4 + 8 + 16 + 32 + 64) / 5.0);
  CHECK(std::isnan(loss_by_context(losses, make_windows(7, 4, {}), 5).full));
  CHECK(std::isnan(loss_by_context(losses, make_windows(7, 4, {}), 2).early));
}

TEST_CASE("buckets of context double, and have the means of their targets") {
  const std::vector<double> losses = {1, 2, 4, 8, 16, 32, 64};
  const auto buckets = loss_by_context(losses, make_windows(7, 5, {}), 4).buckets;
  REQUIRE(buckets.size() == 3);
  const auto is = [](const ContextBucket& bucket, std::int64_t first, std::int64_t last,
                     std::int64_t targets, double loss) {
    CHECK(bucket.first == first);
    CHECK(bucket.last == last);
    CHECK(bucket.targets == targets);
    CHECK(bucket.loss_nats == loss);
  };
  is(buckets[0], 1, 1, 2, (1 + 32) / 2.0);
  is(buckets[1], 2, 3, 3, (2 + 4 + 64) / 3.0);
  is(buckets[2], 4, 5, 2, (8 + 16) / 2.0);
  // In windows of 4 a single target sees 4 tokens, of three that see 2 or 3.
  const auto joined = loss_by_context(losses, make_windows(6, 4, {}), 4).buckets;
  REQUIRE(joined.size() == 2);
  is(joined[1], 2, 4, 4, (2 + 4 + 8 + 32) / 4.0);
  // Sliding by 2, only the first target of all sees a single token.
  CHECK(loss_by_context(losses, make_windows(7, 4, {2}), 4).buckets.front().targets == 1);
}

// The mean of n independent normal losses is normal with 1 / sqrt(n): the bounds are 1.96 of that
// off, and the points of 2,000 draws of 100 segments scatter by some 6 % of it.
TEST_CASE("the bootstrap gives the interval of independent losses, and the same at each call") {
  RandomStream random(5, RandomPurpose::Benchmark, 3);
  std::vector<double> losses;
  double mean = 0.0;
  for (int i = 0; i < 102400; ++i) {
    losses.push_back(random.normal());
    mean += losses.back() / 102400;
  }
  const Interval interval = bootstrap_interval(losses), again = bootstrap_interval(losses);
  CHECK(interval.low == again.low);
  CHECK(interval.high == again.high);
  const double unit = standard_error(losses);
  CHECK(std::abs((mean - interval.low) / unit - 1.96) < 0.25);
  CHECK(std::abs((interval.high - mean) / unit - 1.96) < 0.25);
  const Interval constant = bootstrap_interval({2.0, 2.0, 2.0});
  CHECK(constant.low == 2.0);
  CHECK(constant.high == 2.0);
  CHECK(std::isnan(bootstrap_interval({1.0}).low));
}

TEST_CASE("a paired difference sees what two errors apart would hide") {
  RandomStream random(6, RandomPurpose::Benchmark, 4);
  std::vector<double> first, second;
  for (int i = 0; i < 6400; ++i) {
    const double of_text = 3.0 * random.normal();
    first.push_back(of_text + 0.1 * random.normal());
    second.push_back(of_text + 0.1 * random.normal() + 0.01);
  }
  const PairedDifference difference = paired_difference(first, second);
  CHECK(std::abs(difference.mean_nats - 0.01) < 4.0 * difference.standard_error);
  CHECK(difference.standard_error < 0.1 * standard_error(first));
  CHECK(difference.p_value < 1e-3);
  CHECK(paired_difference(first, first).p_value == 1.0);
  CHECK(paired_difference(first, first).mean_nats == 0.0);
  const PairedDifference back = paired_difference(second, first);
  CHECK(back.mean_nats == -difference.mean_nats);
  CHECK(back.p_value == difference.p_value);
  CHECK(std::isnan(paired_difference({1.0}, {2.0}).p_value));
}

}  // namespace
}  // namespace longspan
