#pragma once

#include <catch2/catch_test_macros.hpp>
#include <cmath>

namespace longspan::testing {

/// Tests of random numbers are deterministic; their bounds are those that a fair source breaks with
/// a chance below exp(-20) = 2e-9, so that a failure means a wrong generator.
inline constexpr double kLogChance = 20.0;

/// Returns the chi-square statistic of counts against equal chances.
template <class Counts>
double chi_square(const Counts& counts, double expected) {
  double sum = 0;
  for (const auto count : counts) {
    const double difference = static_cast<double>(count) - expected;
    sum += difference * difference / expected;
  }
  return sum;
}

/// Checks a statistic by Laurent and Massart, "Adaptive estimation of a quadratic functional", Ann.
/// Statist. 2000, lemma 1: P(X >= k + 2 sqrt(k x) + 2 x) <= exp(-x) and
/// P(X <= k - 2 sqrt(k x)) <= exp(-x).
inline void check_chi_square(double statistic, double freedom) {
  const double spread = 2 * std::sqrt(freedom * kLogChance);
  CHECK(statistic < freedom + spread + 2 * kLogChance);
  CHECK(statistic > freedom - spread);
}

}  // namespace longspan::testing
