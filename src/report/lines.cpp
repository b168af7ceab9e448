// Which runs are one line of a plot. Runs that differ in more than the seed are never averaged.
#include "report/lines.h"

#include <algorithm>
#include <set>

#include "longspan/core/error.h"
#include "longspan/core/evaluation_format.h"

namespace longspan::report {
namespace {

LineKey key_of_training(const Run& run) {
  return {run.method, run.train_length, run.recipe, {}, {}, {}, {}, {}};
}

bool has_several_steps(const Evaluation& evaluation) {
  return std::any_of(evaluation.cells.begin(), evaluation.cells.end(), [&](const Cell& cell) {
    return cell.checkpoint_step != evaluation.cells.front().checkpoint_step;
  });
}

// Returns a part of a cell where it alone tells the cell from another of the same file, else "". A
// part that an older file lacks tells nothing.
std::string telling(const Evaluation& evaluation, const Cell& cell, std::string Cell::*part) {
  const auto differs = [&](const Cell& other) {
    return other.position_overrides == cell.position_overrides &&
           other.checkpoint_step == cell.checkpoint_step && !(other.*part).empty() &&
           other.*part != cell.*part;
  };
  return std::any_of(evaluation.cells.begin(), evaluation.cells.end(), differs) ? cell.*part : "";
}

std::string short_hash(const std::string& hash) { return hash.substr(0, 8); }

std::string short_mode(const std::string& mode) {
  return mode.starts_with(kStridePrefix) ? "stride " + mode.substr(kStridePrefix.size()) : mode;
}

template <class Value>
bool varies(const std::vector<LineKey>& keys, Value LineKey::*member) {
  return std::any_of(keys.begin(), keys.end(),
                     [&](const LineKey& key) { return key.*member != keys.front().*member; });
}

}  // namespace

std::string mode_words(const std::string& mode) {
  if (mode == kNonOverlapping) return "non-overlapping windows";
  if (mode.starts_with(kStridePrefix)) return "sliding windows, " + short_mode(mode);
  return mode;
}

Lines::Lines(const std::vector<Run>& runs, Modes modes) : modes_(modes) {
  if (modes == Modes::PlotEach)
    for (const Run& run : runs) add(key_of_training(run), run.name);
  for (const Run& run : runs)
    for (const Evaluation& evaluation : run.evaluations)
      for (const Cell& cell : evaluation.cells) add(key_of_cell(run, evaluation, cell), run.name);
  name_lines();
  choose_looks();
}

LineKey Lines::key_of_cell(const Run& run, const Evaluation& evaluation, const Cell& cell) const {
  LineKey key{cell.method,
              cell.train_length,
              run.recipe,
              cell.position_overrides,
              {},
              telling(evaluation, cell, &Cell::dtype),
              telling(evaluation, cell, &Cell::targets_hash),
              telling(evaluation, cell, &Cell::model_hash)};
  if (modes_ == Modes::LineEach) key.mode = cell.mode;
  if (has_several_steps(evaluation)) key.checkpoint_step = cell.checkpoint_step;
  return key;
}

void Lines::add(const LineKey& key, const std::string& run_name) {
  if (std::find(keys_.begin(), keys_.end(), key) != keys_.end()) return;
  keys_.push_back(key);
  first_runs_.push_back(run_name);
}

void Lines::name_lines() {
  for (const LineKey& key : keys_) {
    std::string label = key.method;
    if (varies(keys_, &LineKey::train_length)) label += concat(", trained at ", key.train_length);
    if (!key.position_overrides.empty()) label += " (" + key.position_overrides + ")";
    if (varies(keys_, &LineKey::mode)) label += ", " + short_mode(key.mode);
    if (key.checkpoint_step >= 0) label += concat(", step ", key.checkpoint_step);
    if (!key.dtype.empty()) label += ", " + key.dtype;
    if (!key.targets_hash.empty()) label += ", text " + short_hash(key.targets_hash);
    if (!key.model_hash.empty()) label += ", model " + short_hash(key.model_hash);
    labels_.push_back(label);
  }
  const std::vector<std::string> plain = labels_;
  for (std::size_t i = 0; i < plain.size(); ++i)
    if (std::count(plain.begin(), plain.end(), plain[i]) > 1) labels_[i] += ", " + first_runs_[i];
}

void Lines::choose_looks() {
  std::vector<std::string> methods;
  for (const LineKey& key : keys_) methods.push_back(key.method);
  looks_ = looks_of(methods);
}

std::size_t Lines::of_training(const Run& run) const {
  const auto found = std::find(keys_.begin(), keys_.end(), key_of_training(run));
  if (found == keys_.end()) unreachable();
  return static_cast<std::size_t>(found - keys_.begin());
}

std::size_t Lines::of_cell(const Run& run, const Evaluation& evaluation, const Cell& cell) const {
  const auto found = std::find(keys_.begin(), keys_.end(), key_of_cell(run, evaluation, cell));
  if (found == keys_.end()) unreachable();
  return static_cast<std::size_t>(found - keys_.begin());
}

}  // namespace longspan::report
