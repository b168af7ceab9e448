#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace longspan::report {

struct Tick {
  double value = 0.0;
  std::string label;
};

/// An axis of a plot: its range is fixed here and not by the plotting program, so that labels can
/// be placed.
struct Axis {
  std::string title;
  bool logarithmic = false;
  double low = 0.0;
  double high = 1.0;
  std::vector<Tick> ticks;

  /// Returns where a value lies: 0 at low, 1 at high.
  double fraction(double value) const;
};

/// Returns an axis over evaluated lengths: logarithmic, a tick at each length as far as they have
/// room. With one trained length the ticks also tell the multiple of it.
Axis length_axis(const std::vector<std::int64_t>& lengths,
                 const std::vector<std::int64_t>& train_lengths);
/// Returns an axis that holds all finite values, logarithmic when they span more than a factor
/// of 4.
Axis fitted_axis(const std::vector<double>& values);
/// Returns a linear axis from 0 to the highest value, with short labels (50k).
Axis count_axis(double highest, const std::string& title);

}  // namespace longspan::report
