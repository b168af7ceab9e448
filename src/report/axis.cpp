// Ranges and ticks of axes.
#include "report/axis.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "report/numbers.h"

namespace longspan::report {
namespace {

constexpr double kWideRatio = 4.0;   // of highest to lowest: from here on, logarithmic
constexpr double kTickRoom = 0.065;  // least distance of length ticks, in parts of the axis
constexpr int kMaxTicks = 6;

// 1, 2 or 5 times a power of ten.
double round_step(double range) {
  const double rough = range / kMaxTicks;
  const double power = std::pow(10.0, std::floor(std::log10(rough)));
  for (const double factor : {1.0, 2.0, 5.0})
    if (factor * power >= rough) return factor * power;
  return 10.0 * power;
}

std::vector<double> linear_ticks(double low, double high) {
  const double step = round_step(high - low);
  std::vector<double> ticks;
  for (double index = std::ceil(low / step - 1e-9) + 0.0; index * step <= high + 1e-9 * step;
       ++index)
    ticks.push_back(index * step);
  return ticks;
}

std::vector<double> logarithmic_ticks(double low, double high) {
  const std::vector<std::vector<double>> choices{
      {1.0}, {1.0, 3.0}, {1.0, 2.0, 5.0}, {1.0, 1.5, 2.0, 3.0, 5.0, 7.0}};
  std::vector<double> ticks;
  for (const auto& mantissas : choices) {
    ticks.clear();
    for (double power = std::floor(std::log10(low)); power <= std::log10(high); ++power)
      for (const double mantissa : mantissas) {
        const double value = mantissa * std::pow(10.0, power);
        if (value >= low && value <= high) ticks.push_back(value);
      }
    if (ticks.size() >= 4) break;
  }
  return ticks;
}

}  // namespace

double Axis::fraction(double value) const {
  if (logarithmic) return std::log(value / low) / std::log(high / low);
  return (value - low) / (high - low);
}

Axis length_axis(const std::vector<std::int64_t>& lengths,
                 const std::vector<std::int64_t>& train_lengths) {
  Axis axis{"length of the evaluated window in tokens (log scale)", true, 1.0, 2.0, {}};
  if (lengths.empty()) return axis;
  const auto shortest = static_cast<double>(lengths.front());
  const auto longest = static_cast<double>(lengths.back());
  const double pad = std::max(1.03, std::pow(longest / shortest, 0.025));
  axis.low = shortest / pad;
  axis.high = longest * pad;
  for (const std::int64_t length : lengths) {
    const auto value = static_cast<double>(length);
    if (!axis.ticks.empty() &&
        axis.fraction(value) - axis.fraction(axis.ticks.back().value) < kTickRoom)
      continue;
    std::string label = std::to_string(length);
    if (train_lengths.size() == 1)
      label += "\n" + scaled(value / static_cast<double>(train_lengths.front())) + "\u00d7";
    axis.ticks.push_back({value, label});
  }
  return axis;
}

Axis fitted_axis(const std::vector<double>& values) {
  Axis axis{"", false, 0.0, 1.0, {}};
  std::vector<double> finite;
  for (const double value : values)
    if (std::isfinite(value)) finite.push_back(value);
  if (finite.empty()) return axis;
  const auto [lowest, highest] = std::minmax_element(finite.begin(), finite.end());
  axis.logarithmic = *lowest > 0.0 && *highest > kWideRatio * *lowest;
  const double pad = axis.logarithmic
                         ? std::pow(*highest / *lowest, 0.06)
                         : std::max(0.06 * (*highest - *lowest), 0.01 * std::abs(*highest) + 1e-12);
  axis.low = axis.logarithmic ? *lowest / pad : *lowest - pad;
  axis.high = axis.logarithmic ? *highest * pad : *highest + pad;
  // Beyond these there would be no end of ticks.
  if (axis.logarithmic) axis.low = std::max(axis.low, std::numeric_limits<double>::min());
  axis.low = std::max(axis.low, std::numeric_limits<double>::lowest());
  axis.high = std::min(axis.high, std::numeric_limits<double>::max());
  for (const double tick : axis.logarithmic ? logarithmic_ticks(axis.low, axis.high)
                                            : linear_ticks(axis.low, axis.high))
    axis.ticks.push_back({tick, scaled(tick)});
  return axis;
}

Axis count_axis(double highest, const std::string& title) {
  Axis axis{title, false, 0.0, std::max(highest, 1.0), {}};
  for (const double tick : linear_ticks(0.0, axis.high)) axis.ticks.push_back({tick, scaled(tick)});
  return axis;
}

}  // namespace longspan::report
