// Which cells share a plot, the means over repetitions, and the check that they share a protocol.
#include "report/comparison.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <set>
#include <tuple>

#include "longspan/core/evaluation_format.h"

namespace longspan::report {
namespace {

struct Sample {
  std::size_t line;
  const Run* run;
  const Cell* cell;
};
using Samples = std::vector<Sample>;

constexpr double kNormal95 = 1.959963984540054;  // standard errors on each side

using Cells = std::vector<const Cell*>;

// The values of the cells that have one.
std::vector<double> present(const Cells& cells, std::optional<double> Cell::*member) {
  std::vector<double> values;
  for (const Cell* cell : cells)
    if (cell->*member) values.push_back(*(cell->*member));
  return values;
}

std::optional<double> mean_of(const std::vector<double>& values) {
  if (values.empty()) return std::nullopt;
  double sum = 0.0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

void add_measures(CurvePoint& point, const Cells& cells) {
  const std::vector<double> errors = present(cells, &Cell::ppl_stderr);
  if (errors.size() == cells.size() && std::isfinite(point.mean))
    point.margin = kNormal95 * *mean_of(errors);
  point.tokens_per_second = mean_of(present(cells, &Cell::tokens_per_second));
  const std::vector<double> peaks = present(cells, &Cell::peak_bytes);
  if (!peaks.empty()) point.peak_bytes = *std::max_element(peaks.begin(), peaks.end());
}

CurvePoint summarize(std::int64_t length, const Cells& cells) {
  const double first = cells.front()->ppl;
  CurvePoint point{length, 0.0, first, first, {}, {}, {}};
  for (const Cell* cell : cells) {
    point.mean += cell->ppl / static_cast<double>(cells.size());
    point.low = std::min(point.low, cell->ppl);
    point.high = std::max(point.high, cell->ppl);
  }
  if (cells.size() == 1) point.mean = first;
  if (!std::isfinite(point.mean))
    point.mean = point.low = point.high = std::numeric_limits<double>::quiet_NaN();
  add_measures(point, cells);
  return point;
}

Curve make_curve(std::size_t line, const Lines& lines, const Samples& samples) {
  Curve curve{line, lines.look(line), lines.label(line), {}, 0, {}};
  std::map<std::int64_t, Cells> cells_by_length;
  for (const Sample& sample : samples) {
    if (sample.line != line) continue;
    curve.train_length = sample.cell->train_length;
    if (std::find(curve.runs.begin(), curve.runs.end(), sample.run->name) == curve.runs.end())
      curve.runs.push_back(sample.run->name);
    cells_by_length[sample.cell->length].push_back(sample.cell);
  }
  for (const auto& [length, cells] : cells_by_length)
    curve.points.push_back(summarize(length, cells));
  return curve;
}

Difference values_of(const std::string& key, const Samples& samples, const Lines& lines,
                     const std::function<std::string(const Cell&)>& value_of) {
  Difference difference{key, {}};
  for (const Sample& sample : samples) {
    const std::string value = value_of(*sample.cell);
    auto found = std::find_if(difference.values.begin(), difference.values.end(),
                              [&](const auto& each) { return each.value == value; });
    if (found == difference.values.end()) found = difference.values.insert(found, {value, {}});
    const std::string& label = lines.label(sample.line);
    if (std::find(found->labels.begin(), found->labels.end(), label) == found->labels.end())
      found->labels.push_back(label);
  }
  return difference;
}

// Whatever stands there for non-overlapping windows has no meaning.
std::string stride_of(const Cell& cell) {
  return cell.mode == kNonOverlapping ? "none" : std::to_string(cell.stride);
}

std::vector<Difference> find_differences(const Samples& samples, const Lines& lines) {
  std::vector<Difference> parts{
      values_of("mode", samples, lines, [](const Cell& cell) { return cell.mode; }),
      values_of("stride", samples, lines, stride_of),
      values_of("targets", samples, lines,
                [](const Cell& cell) { return std::to_string(cell.targets); }),
      values_of("targets_hash", samples, lines, [](const Cell& cell) { return cell.targets_hash; }),
      values_of("dtype", samples, lines, [](const Cell& cell) { return cell.dtype; })};
  const bool modes_differ = parts.front().values.size() > 1;
  std::erase_if(parts, [&](const Difference& part) {
    return part.values.size() < 2 || (part.key == "stride" && modes_differ);
  });
  return parts;
}

Comparison make_comparison(const Samples& samples, const Lines& lines) {
  Comparison comparison;
  std::set<std::int64_t> lengths, train_lengths;
  std::set<std::size_t> present;
  for (const Sample& sample : samples) {
    lengths.insert(sample.cell->length);
    train_lengths.insert(sample.cell->train_length);
    present.insert(sample.line);
    comparison.cells.push_back(sample.cell);
  }
  comparison.lengths.assign(lengths.begin(), lengths.end());
  comparison.train_lengths.assign(train_lengths.begin(), train_lengths.end());
  for (const std::size_t line : present)
    comparison.curves.push_back(make_curve(line, lines, samples));
  comparison.differences = find_differences(samples, lines);
  const auto same_mode = [&](const Sample& sample) {
    return sample.cell->mode == samples.front().cell->mode;
  };
  if (std::all_of(samples.begin(), samples.end(), same_mode))
    comparison.mode = samples.front().cell->mode;
  return comparison;
}

// Of one file, whose text may have been scored under several names.
std::string texts_of(const Samples& samples) {
  std::set<std::string> texts;
  std::string joined;
  for (const Sample& sample : samples)
    if (texts.insert(sample.cell->text).second)
      joined += (joined.empty() ? "" : ", ") + sample.cell->text;
  return joined;
}

int rank_of_split(const std::string& split) {
  return split == "test" ? 0 : split == "valid" ? 1 : 2;
}

}  // namespace

const CurvePoint* Curve::at(std::int64_t length) const {
  const auto found = std::find_if(points.begin(), points.end(),
                                  [&](const auto& point) { return point.length == length; });
  return found == points.end() ? nullptr : &*found;
}

std::vector<Comparison> compare(const std::vector<Run>& runs, const Lines& lines, Modes modes) {
  using Place = std::tuple<int, std::string, std::string>;  // "nonoverlapping" < "stride:..."
  std::map<Place, Samples> plots;
  for (const Run& run : runs)
    for (const Evaluation& evaluation : run.evaluations)
      for (const Cell& cell : evaluation.cells) {
        const bool each = modes == Modes::PlotEach;
        const std::string text = each ? cell.text : evaluation.split, mode = each ? cell.mode : "";
        plots[{rank_of_split(text), text, mode}].push_back(
            {lines.of_cell(run, evaluation, cell), &run, &cell});
      }
  std::vector<Comparison> comparisons;
  for (const auto& [place, samples] : plots) {
    comparisons.push_back(make_comparison(samples, lines));
    comparisons.back().split = texts_of(samples);
  }
  return comparisons;
}

std::string to_text(const Difference& difference) {
  std::string text = difference.key + " differs: ";
  for (const auto& [value, labels] : difference.values) {
    if (text.back() == ')') text += ", ";
    text += value + " (";
    for (const std::string& label : labels) text += (label == labels.front() ? "" : ", ") + label;
    text += ")";
  }
  return text;
}

}  // namespace longspan::report
