// Perplexity over the length of the evaluated windows.
#include <algorithm>
#include <set>

#include "longspan/core/error.h"
#include "report/figures.h"

namespace longspan::report {
namespace {

std::string warning_of(const Comparison& comparison) {
  std::string keys;
  for (const Difference& difference : comparison.differences) {
    if (difference.key == "mode") continue;  // the lines are named by it
    keys += (keys.empty() ? "" : ", ") + difference.key;
  }
  return keys.empty() ? "" : "The protocol differs between the lines: " + keys;
}

std::string caption_of(const Comparison& comparison) {
  std::string caption = comparison.train_lengths.size() == 1
                            ? "The dotted line marks the trained length."
                            : "The dotted lines mark the trained lengths.";
  bool repeated = false;
  for (const Curve& curve : comparison.curves) repeated = repeated || curve.runs.size() > 1;
  if (repeated)
    caption += " Lines are means over seeds; bands reach from the lowest to the highest seed.";
  const auto has_interval = [](const CurvePoint& point) { return point.interval.has_value(); };
  for (const Curve& curve : comparison.curves)
    if (std::any_of(curve.points.begin(), curve.points.end(), has_interval))
      return caption + " Whiskers are 95 % intervals over text of the same kind.";
  return caption;
}

Series series_of(const Curve& curve) {
  Series series{curve.line, curve.look, curve.label, curve.runs, {}};
  if (curve.runs.size() > 1) series.label += concat(" (", curve.runs.size(), " seeds)");
  for (const CurvePoint& point : curve.points)
    series.points.push_back(
        {static_cast<double>(point.length), point.mean, point.low, point.high, point.interval});
  return series;
}

// An interval from a large standard error may reach below what a logarithmic axis has.
void add_values(const PlotPoint& point, std::vector<double>& values) {
  values.insert(values.end(), {point.y, point.low, point.high});
  if (!point.interval) return;
  for (const double end : {point.interval->low, point.interval->high})
    if (end > 0.0) values.push_back(end);
}

}  // namespace

Figure extrapolation_figure(const Comparison& comparison, const std::string& name) {
  Figure figure;
  figure.name = name;
  figure.x_name = "length";
  std::vector<double> values;
  for (const Curve& curve : comparison.curves) {
    figure.series.push_back(series_of(curve));
    for (const PlotPoint& point : figure.series.back().points) add_values(point, values);
  }
  std::set<std::int64_t> extent(comparison.lengths.begin(), comparison.lengths.end());
  extent.insert(comparison.train_lengths.begin(), comparison.train_lengths.end());
  figure.x = length_axis({extent.begin(), extent.end()}, comparison.train_lengths);
  figure.y = fitted_axis(values);
  for (const std::int64_t length : comparison.train_lengths)
    figure.marks.push_back({static_cast<double>(length), concat("trained at ", length)});
  figure.title = concat("Perplexity on ", comparison.split, comparison.mode.empty() ? "" : ", ",
                        mode_words(comparison.mode), figure.y.logarithmic ? " (log scale)" : "");
  figure.warning = warning_of(comparison);
  figure.caption = caption_of(comparison);
  return figure;
}

}  // namespace longspan::report
