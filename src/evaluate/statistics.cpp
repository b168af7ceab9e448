// Means and their error over the losses of one text.

#include "evaluate/statistics.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

#include "longspan/core/error.h"
#include "longspan/core/random.h"

namespace longspan {
namespace {

constexpr std::int64_t kSegment = 1024;
constexpr std::int64_t kMinSegments = 16;
constexpr std::size_t kResamples = 2000;
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

struct Sum {
  double sum = 0.0;
  std::int64_t count = 0;

  void add(double value) {
    sum += value;
    ++count;
  }
  double mean() const { return count == 0 ? kNan : sum / static_cast<double>(count); }
};

// Neighbouring losses together: the short last segment weighs by its size.
std::vector<Sum> segments_of(const std::vector<double>& losses) {
  const auto n = static_cast<std::int64_t>(losses.size());
  const std::int64_t size = std::clamp<std::int64_t>(n / kMinSegments, 1, kSegment);
  std::vector<Sum> segments;
  for (std::int64_t i = 0; i < n; ++i) {
    if (i % size == 0) segments.emplace_back();
    segments.back().add(losses[static_cast<std::size_t>(i)]);
  }
  return segments;
}

double resampled_mean(const std::vector<Sum>& segments, RandomStream& random) {
  Sum all;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const Sum& drawn = segments[random.below(segments.size())];
    all.sum += drawn.sum;
    all.count += drawn.count;
  }
  return all.mean();
}

// Calls visit(target, context) with each target and the number of tokens that it sees.
template <class Visit>
void for_each_target(const std::vector<Window>& windows, const Visit& visit) {
  for (const Window& window : windows)
    for (std::int64_t i = window.score_begin; i < window.end; ++i)
      visit(static_cast<std::size_t>(i), i - window.context_begin + 1);
}

// Of a window of 1,024 tokens one target alone sees them all: a mean of so few is mostly noise, and
// stands where a curve ends.
void join_sparse_end(std::vector<Sum>& sums) {
  if (sums.size() < 2) return;
  const Sum end = sums.back();
  Sum& before = sums[sums.size() - 2];
  if (2 * end.count >= before.count) return;
  before.sum += end.sum;
  before.count += end.count;
  sums.pop_back();
}

}  // namespace

double standard_error(const std::vector<double>& losses) {
  if (losses.size() < 2) return kNan;
  const auto n = static_cast<double>(losses.size());
  const double mean = std::accumulate(losses.begin(), losses.end(), 0.0) / n;
  const std::vector<Sum> segments = segments_of(losses);
  double sum = 0.0;
  for (const Sum& segment : segments) {
    const double deviation = segment.sum - static_cast<double>(segment.count) * mean;
    sum += deviation * deviation;
  }
  const auto k = static_cast<double>(segments.size());
  return std::sqrt(sum * k / (k - 1.0)) / n;
}

Interval bootstrap_interval(const std::vector<double>& losses) {
  if (losses.size() < 2) return {kNan, kNan};
  const std::vector<Sum> segments = segments_of(losses);
  RandomStream random(1, RandomPurpose::Bootstrap, 0);
  std::vector<double> means;
  for (std::size_t i = 0; i < kResamples; ++i) means.push_back(resampled_mean(segments, random));
  std::ranges::sort(means);
  constexpr std::size_t kTail = kResamples / 40;
  return {means[kTail - 1], means[kResamples - kTail]};
}

LossByContext loss_by_context(const std::vector<double>& losses, const std::vector<Window>& windows,
                              std::int64_t train_length) {
  Sum early, full;
  std::vector<Sum> sums;  // of contexts of as many binary digits
  std::int64_t most = 0;
  for_each_target(windows, [&](std::size_t target, std::int64_t context) {
    const double loss = losses[target];
    if (2 * context < train_length) early.add(loss);
    if (context >= train_length) full.add(loss);
    const auto digits =
        static_cast<std::size_t>(std::bit_width(static_cast<std::uint64_t>(context)) - 1);
    if (digits >= sums.size()) sums.resize(digits + 1);
    sums[digits].add(loss);
    most = std::max(most, context);
  });
  join_sparse_end(sums);
  LossByContext result{early.mean(), full.mean(), {}};
  for (std::size_t i = 0; i < sums.size(); ++i) {
    const std::int64_t first = std::int64_t{1} << i;
    const std::int64_t last = i + 1 == sums.size() ? most : 2 * first - 1;
    if (sums[i].count > 0) result.buckets.push_back({first, last, sums[i].count, sums[i].mean()});
  }
  return result;
}

LengthGain length_gain(const std::vector<double>& trained, const std::vector<double>& losses,
                       const std::vector<Window>& windows, std::int64_t train_length) {
  check(trained.size() == losses.size() && !losses.empty(), ErrorKind::Internal,
        "both lengths must score the same targets, got ", trained.size(), " and ", losses.size());
  LengthGain gain;
  for_each_target(windows, [&](std::size_t target, std::int64_t context) {
    (context > train_length ? gain.longer_context_nats : gain.fewer_early_tokens_nats) +=
        trained[target] - losses[target];
  });
  const auto n = static_cast<double>(losses.size());
  gain.longer_context_nats /= n;
  gain.fewer_early_tokens_nats /= n;
  gain.total_nats = gain.longer_context_nats + gain.fewer_early_tokens_nats;
  return gain;
}

PairedDifference paired_difference(const std::vector<double>& first,
                                   const std::vector<double>& second) {
  check(first.size() == second.size(), ErrorKind::Internal,
        "two runs must have scored the same targets, got ", first.size(), " and ", second.size());
  if (first.size() < 2) return {kNan, kNan, kNan};
  std::vector<double> differences(first.size());
  std::ranges::transform(second, first, differences.begin(), std::minus());
  PairedDifference result;
  result.mean_nats = std::accumulate(differences.begin(), differences.end(), 0.0) /
                     static_cast<double>(differences.size());
  result.standard_error = standard_error(differences);
  result.p_value =
      result.standard_error > 0.0
          ? std::erfc(std::abs(result.mean_nats) / result.standard_error / std::numbers::sqrt2)
          : (result.mean_nats == 0.0 ? 1.0 : 0.0);
  return result;
}

}  // namespace longspan
