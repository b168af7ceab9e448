#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "longspan/core/json.h"
#include "longspan/distributed/communicator.h"
#include "longspan/evaluate/protocol.h"
#include "longspan/run/run.h"

namespace longspan {

/// What to score of one run.
struct EvaluationRequest {
  std::string lengths;  ///< empty: the trained length and its doublings to 16 times
  std::vector<std::string> modes{EvaluationMode{}.name()};
  std::string split = "valid";        ///< train | valid | test | a text file
  std::vector<std::string> position;  ///< the key=value by which the run's position section differs
  std::filesystem::path output;       ///< empty: <run>/evaluations
  bool reuse = false;                 ///< keep cells that find_evaluation() finds
  /// When given, gets each cell that was scored, and the losses of its targets. Returns how they
  /// compare with another run's, a row that is kept beside the cell, or null.
  std::function<Json(const Json& cell, std::vector<double> losses)> take_losses = {};
};

/// Scores every (length, mode) and merges the cells into the results_file() of the text, each as
/// soon as it is scored, with its .csv and .svg beside it. Returns the cells asked for. The trained
/// length is scored first, so that longer ones can tell their gain over it. Collective: the ranks
/// share the work, rank 0 alone writes and tells how far it has come.
/// @param device of this process
Json evaluate_run(const SavedRun& saved, const EvaluationRequest& request, c10::Device device,
                  Communicator& communicator);

/// Returns what says that two ranks score the same text of a run: a hash of its shards or files.
std::string fingerprint_of_text(const std::string& split, const RunConfig& config);

}  // namespace longspan
