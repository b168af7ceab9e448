// Means and their error over the losses of one text.

#include "evaluate/statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace longspan {
namespace {

constexpr std::int64_t kSegment = 1024;
constexpr std::int64_t kMinSegments = 16;
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

struct Mean {
  double sum = 0.0;
  std::int64_t count = 0;

  void add(double value) {
    sum += value;
    ++count;
  }
  double value() const { return count == 0 ? kNan : sum / static_cast<double>(count); }
};

}  // namespace

double standard_error(const std::vector<double>& losses) {
  const auto n = static_cast<std::int64_t>(losses.size());
  if (n < 2) return kNan;
  const std::int64_t segment = std::clamp<std::int64_t>(n / kMinSegments, 1, kSegment);
  const double mean = std::accumulate(losses.begin(), losses.end(), 0.0) / static_cast<double>(n);
  double sum = 0.0;
  std::int64_t num_segments = 0;
  for (std::int64_t begin = 0; begin < n; begin += segment, ++num_segments) {
    double deviation = 0.0;  // of the segment's sum: the short last segment weighs by its size
    for (std::int64_t i = begin; i < std::min(begin + segment, n); ++i) {
      deviation += losses[static_cast<std::size_t>(i)] - mean;
    }
    sum += deviation * deviation;
  }
  const auto k = static_cast<double>(num_segments);
  return std::sqrt(sum * k / (k - 1.0)) / static_cast<double>(n);
}

LossByContext loss_by_context(const std::vector<double>& losses, const std::vector<Window>& windows,
                              std::int64_t train_length) {
  Mean early, full;
  for (const Window& window : windows) {
    for (std::int64_t i = window.score_begin; i < window.end; ++i) {
      const std::int64_t context = i - window.context_begin + 1;
      const double loss = losses[static_cast<std::size_t>(i)];
      if (2 * context < train_length) early.add(loss);
      if (context >= train_length) full.add(loss);
    }
  }
  return {early.value(), full.value()};
}

}  // namespace longspan
