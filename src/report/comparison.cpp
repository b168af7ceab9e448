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

std::optional<Interval> interval_of(const Cell& cell) {
  if (cell.ppl_interval || !cell.ppl_stderr) return cell.ppl_interval;
  const double half = kNormal95 * *cell.ppl_stderr;
  return Interval{cell.ppl - half, cell.ppl + half};
}

std::optional<Interval> mean_interval(const Cells& cells) {
  std::vector<double> lows, highs;
  for (const Cell* cell : cells) {
    const auto interval = interval_of(*cell);
    if (!interval) return std::nullopt;
    lows.push_back(interval->low);
    highs.push_back(interval->high);
  }
  return Interval{*mean_of(lows), *mean_of(highs)};
}

std::optional<Gain> mean_gain(const Cells& cells) {
  Gain gain;
  const auto n = static_cast<double>(cells.size());
  for (const Cell* cell : cells) {
    if (!cell->gain) return std::nullopt;
    gain.total_nats += cell->gain->total_nats / n;
    gain.fewer_early_tokens_nats += cell->gain->fewer_early_tokens_nats / n;
    gain.longer_context_nats += cell->gain->longer_context_nats / n;
  }
  return gain;
}

std::vector<ContextLoss> mean_contexts(const Cells& cells) {
  std::vector<ContextLoss> means = cells.front()->loss_by_context;
  const auto is_same = [](const ContextLoss& a, const ContextLoss& b) {
    return a.first == b.first && a.last == b.last && a.targets == b.targets;
  };
  for (ContextLoss& mean : means) mean.loss_nats = 0.0;
  for (const Cell* cell : cells) {
    const auto& contexts = cell->loss_by_context;
    if (!std::equal(contexts.begin(), contexts.end(), means.begin(), means.end(), is_same))
      return {};
    for (std::size_t i = 0; i < means.size(); ++i)
      means[i].loss_nats += contexts[i].loss_nats / static_cast<double>(cells.size());
  }
  return means;
}

void add_measures(CurvePoint& point, const Cells& cells) {
  if (std::isfinite(point.mean)) point.interval = mean_interval(cells);
  point.gain = mean_gain(cells);
  point.loss_by_context = mean_contexts(cells);
  point.tokens_per_second = mean_of(present(cells, &Cell::tokens_per_second));
  const std::vector<double> peaks = present(cells, &Cell::peak_bytes);
  if (!peaks.empty()) point.peak_bytes = *std::max_element(peaks.begin(), peaks.end());
}

CurvePoint summarize(std::int64_t length, const Cells& cells) {
  const double first = cells.front()->ppl;
  CurvePoint point{length, 0.0, first, first, {}, {}, {}, {}, {}};
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

// The cell that a row is of, as it is now; null where the model has changed since.
const Cell* cell_of(const PairedRow& row, const Evaluation& evaluation) {
  const auto is_of = [&](const Cell& cell) {
    return cell.run == row.run && cell.length == row.length && cell.mode == row.mode &&
           cell.targets_hash == row.targets_hash && cell.dtype == row.dtype &&
           cell.position_overrides == row.position_overrides &&
           cell.checkpoint_step == row.checkpoint_step && cell.model_hash == row.model_hash;
  };
  const auto found = std::find_if(evaluation.cells.begin(), evaluation.cells.end(), is_of);
  return found == evaluation.cells.end() ? nullptr : &*found;
}

// The report's name of the other run: its own where the report lacks it, nothing where the report
// has another model of that run.
std::optional<std::string> name_of_other(const PairedRow& row, const std::vector<Run>& runs) {
  bool is_there = false;
  for (const Run& run : runs)
    for (const Evaluation& evaluation : run.evaluations)
      for (const Cell& cell : evaluation.cells) {
        if (cell.run != row.against || cell.length != row.length || cell.mode != row.mode ||
            cell.targets_hash != row.targets_hash)
          continue;
        if (cell.model_hash == row.against_model_hash) return run.name;
        is_there = true;
      }
  return is_there ? std::nullopt : std::optional(row.against);
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
  std::map<Place, std::vector<Pair>> pairs;
  for (const Run& run : runs)
    for (const Evaluation& evaluation : run.evaluations)
      for (const PairedRow& row : evaluation.comparisons) {
        const Cell* cell = cell_of(row, evaluation);
        const auto other = name_of_other(row, runs);
        if (cell != nullptr && other)
          pairs[{rank_of_split(cell->text), cell->text, cell->mode}].push_back(
              {run.name, *other, row.length, row.difference});
      }
  std::vector<Comparison> comparisons;
  for (const auto& [place, samples] : plots) {
    comparisons.push_back(make_comparison(samples, lines));
    comparisons.back().split = texts_of(samples);
    comparisons.back().pairs = pairs[place];
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
