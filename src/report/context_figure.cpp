// The loss over the number of tokens that a target sees, in the longest windows.
#include <algorithm>
#include <set>

#include "longspan/core/error.h"
#include "report/figures.h"

namespace longspan::report {
namespace {

std::ptrdiff_t num_curves_with_contexts(const Comparison& comparison, std::int64_t length) {
  return std::count_if(comparison.curves.begin(), comparison.curves.end(), [&](const Curve& curve) {
    const CurvePoint* point = curve.at(length);
    return point != nullptr && !point->loss_by_context.empty();
  });
}

// The greatest length that the most lines tell their contexts of; nothing where none does.
std::optional<std::int64_t> length_to_show(const Comparison& comparison) {
  std::optional<std::int64_t> best;
  std::ptrdiff_t most = 0;
  for (const std::int64_t length : comparison.lengths)
    if (const auto count = num_curves_with_contexts(comparison, length);
        count > 0 && count >= most) {
      best = length;
      most = count;
    }
  return best;
}

Series series_of(const Curve& curve, const std::vector<ContextLoss>& contexts) {
  Series series{curve.line, curve.look, curve.label, curve.runs, {}};
  for (const ContextLoss& context : contexts)
    series.points.push_back({static_cast<double>(context.first), context.loss_nats,
                             context.loss_nats, context.loss_nats});
  return series;
}

}  // namespace

std::optional<Figure> context_figure(const Comparison& comparison, const std::string& name) {
  const auto length = length_to_show(comparison);
  if (!length) return std::nullopt;
  Figure figure;
  figure.name = name;
  figure.x_name = "context";
  std::vector<double> losses;
  std::set<std::int64_t> extent(comparison.train_lengths.begin(), comparison.train_lengths.end());
  for (const Curve& curve : comparison.curves) {
    const CurvePoint* point = curve.at(*length);
    if (point == nullptr || point->loss_by_context.empty()) continue;
    figure.series.push_back(series_of(curve, point->loss_by_context));
    for (const ContextLoss& context : point->loss_by_context) {
      losses.push_back(context.loss_nats);
      extent.insert(context.first);
    }
  }
  figure.x = length_axis({extent.begin(), extent.end()}, {});
  figure.x.title = "tokens that a target sees, from each point to the next (log scale)";
  figure.y = fitted_axis(losses);
  for (const std::int64_t trained : comparison.train_lengths)
    figure.marks.push_back({static_cast<double>(trained), concat("trained at ", trained)});
  figure.title =
      concat("Loss in nats per token by context, windows of ", *length, " tokens on ",
             comparison.split, comparison.mode.empty() ? "" : ", ", mode_words(comparison.mode));
  figure.caption = "The mean loss of the targets that see so many tokens in the longest windows.";
  const auto repeated = [](const Curve& curve) { return curve.runs.size() > 1; };
  if (std::any_of(comparison.curves.begin(), comparison.curves.end(), repeated))
    figure.caption += " Lines are means over seeds.";
  return figure;
}

}  // namespace longspan::report
