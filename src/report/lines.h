#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

#include "report/look.h"
#include "report/run_folder.h"

namespace longspan::report {

/// Whether evaluation modes get plots of their own or lines of one plot, named by the mode.
enum class Modes { PlotEach, LineEach };

/// Tells which runs and cells make one line: all that share everything but the seed.
struct LineKey {
  std::string method;
  std::int64_t train_length = 0;
  std::string recipe;
  std::string position_overrides;
  std::string mode;  ///< empty with Modes::PlotEach
  // Empty where the cells of a run's file agree in it.
  std::string dtype;
  std::string targets_hash;
  std::string model_hash;
  std::int64_t checkpoint_step = -1;  ///< -1 where a run was evaluated at one step only

  auto operator<=>(const LineKey&) const = default;
};

/// The lines of a report, with a name and a look for each, the same in every plot. Trained
/// configurations come first, in the order of the runs.
class Lines {
 public:
  Lines(const std::vector<Run>& runs, Modes modes);

  /// Returns the line of a run's training curves.
  std::size_t of_training(const Run& run) const;
  /// Returns the line that a cell of the run's evaluation is a point of.
  std::size_t of_cell(const Run& run, const Evaluation& evaluation, const Cell& cell) const;
  /// Returns the name: the method, with what else is needed to tell the lines apart.
  const std::string& label(std::size_t line) const { return labels_.at(line); }
  const Look& look(std::size_t line) const { return looks_.at(line); }
  std::size_t size() const { return labels_.size(); }

 private:
  LineKey key_of_cell(const Run& run, const Evaluation& evaluation, const Cell& cell) const;
  void add(const LineKey& key, const std::string& run_name);
  void name_lines();
  void choose_looks();

  Modes modes_;
  std::vector<LineKey> keys_;
  std::vector<std::string> first_runs_;
  std::vector<std::string> labels_;
  std::vector<Look> looks_;
};

/// Returns the words for a mode: "non-overlapping windows", "sliding windows, stride 16".
std::string mode_words(const std::string& mode);

}  // namespace longspan::report
