// Curves over training. One thin line a run, in the look of the line that the run belongs to.
#include <algorithm>
#include <cmath>
#include <functional>
#include <set>

#include "longspan/core/error.h"
#include "report/figures.h"

namespace longspan::report {
namespace {

constexpr std::size_t kMaxPoints = 240;  // of a line: more cannot be seen
constexpr double kSmoothedPart = 0.02;   // of the rows that one smoothed value stands for
constexpr double kStartPart = 0.1;       // of a run that may lie above the frame

// What one figure shows.
struct Subject {
  std::string name;
  std::string title;
  std::string caption;
  bool smoothed;
  std::function<std::optional<double>(const MetricRow&)> value_of;
};

// Steps, or tokens where the runs' steps have different sizes.
struct Progress {
  bool in_tokens = false;
  double of(const MetricRow& row) const {
    return static_cast<double>(in_tokens ? row.tokens : row.step);
  }
};

Progress progress_for(const std::vector<Run>& runs) {
  double smallest = 0.0, largest = 0.0;
  for (const Run& run : runs) {
    if (run.history.empty()) continue;
    const MetricRow& last = run.history.back();
    if (last.tokens <= 0 || last.step <= 0) return {};
    const double tokens_per_step =
        static_cast<double>(last.tokens) / static_cast<double>(last.step);
    smallest = smallest == 0.0 ? tokens_per_step : std::min(smallest, tokens_per_step);
    largest = std::max(largest, tokens_per_step);
  }
  return {largest > 1.05 * smallest};
}

std::vector<PlotPoint> points_of(const Run& run, Progress progress, const Subject& subject) {
  std::vector<PlotPoint> points;
  for (const MetricRow& row : run.history)
    if (const auto value = subject.value_of(row))
      points.push_back({progress.of(row), *value, *value, *value, {}});
  return points;
}

// An exponential mean whose start is not biased to 0.
void smooth(std::vector<PlotPoint>& points) {
  const double rows = std::max(1.0, kSmoothedPart * static_cast<double>(points.size()));
  const double keep = 1.0 - 1.0 / rows;
  double sum = 0.0, weight = 0.0;
  for (PlotPoint& point : points) {
    sum = keep * sum + point.y;
    weight = keep * weight + 1.0;
    point.y = point.low = point.high = sum / weight;
  }
}

void thin_out(std::vector<PlotPoint>& points) {
  if (points.size() <= kMaxPoints) return;
  std::vector<PlotPoint> kept;
  for (std::size_t i = 0; i < kMaxPoints; ++i)
    kept.push_back(points[i * (points.size() - 1) / (kMaxPoints - 1)]);
  points = std::move(kept);
}

// All values but the first steps', which would press the rest flat.
Axis value_axis(const std::vector<Series>& all) {
  std::vector<double> values;
  for (const Series& series : all)
    for (const PlotPoint& point : series.points)
      if (point.x >= kStartPart * series.points.back().x || point.y < series.points.back().y)
        values.push_back(point.y);
  return fitted_axis(values);
}

void frame(Figure& figure, const Subject& subject) {
  figure.y = value_axis(figure.series);
  figure.title = subject.title + (figure.y.logarithmic ? " (log scale)" : "");
  figure.caption = subject.caption;
  const auto is_above = [&](const PlotPoint& point) { return point.y > figure.y.high; };
  const auto leaves = [&](const Series& series) {
    return std::any_of(series.points.begin(), series.points.end(), is_above);
  };
  if (std::any_of(figure.series.begin(), figure.series.end(), leaves))
    figure.caption += " The start lies above the frame.";
}

Figure make_figure(const std::vector<Run>& runs, const Lines& lines, const Subject& subject) {
  Figure figure;
  figure.name = subject.name;
  figure.width = 560;
  figure.height = 370;
  const Progress progress = progress_for(runs);
  figure.x_name = progress.in_tokens ? "tokens" : "step";
  double last_x = 0.0;
  for (const Run& run : runs) {
    const std::size_t line = lines.of_training(run);
    Series series{
        line, lines.look(line), lines.label(line), {run.name}, points_of(run, progress, subject)};
    if (series.points.empty()) continue;
    if (subject.smoothed) smooth(series.points);
    thin_out(series.points);
    last_x = std::max(last_x, series.points.back().x);
    figure.series.push_back(std::move(series));
  }
  figure.x = count_axis(last_x, progress.in_tokens ? "tokens of training" : "training step");
  frame(figure, subject);
  return figure;
}

std::vector<Subject> subjects_of(const std::vector<Run>& runs) {
  std::vector<Subject> subjects{
      {"training", "Training loss in nats per token",
       "Training loss, with dropout, as an exponential mean over 2 % of the logged rows.", true,
       [](const MetricRow& row) { return row.train_loss; }},
      {"validation", "Validation loss in nats per token",
       "Validation loss at the first validation length, as a rule the trained one.", false,
       [](const MetricRow& row) { return row.valid_loss; }}};
  std::set<std::int64_t> lengths;
  for (const Run& run : runs)
    for (const MetricRow& row : run.history)
      for (const auto& [length, ppl] : row.ppl_at) lengths.insert(length);
  for (const std::int64_t length : lengths)
    subjects.push_back(
        {concat("validation-", length), concat("Validation perplexity at length ", length),
         concat("Validation perplexity at ", length, " tokens while the run trained."), false,
         [length](const MetricRow& row) -> std::optional<double> {
           const auto found = row.ppl_at.find(length);
           return found == row.ppl_at.end() ? std::nullopt : std::optional(found->second);
         }});
  return subjects;
}

}  // namespace

std::vector<Figure> training_figures(const std::vector<Run>& runs, const Lines& lines) {
  std::vector<Figure> figures;
  for (const Subject& subject : subjects_of(runs)) {
    Figure figure = make_figure(runs, lines, subject);
    if (!figure.series.empty()) figures.push_back(std::move(figure));
  }
  return figures;
}

}  // namespace longspan::report
