#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "longspan/core/json.h"
#include "longspan/distributed/communicator.h"

namespace longspan::cli {

/// What to score of one run.
struct EvaluationRequest {
  std::filesystem::path run;
  std::string lengths;  ///< empty: the trained length and its doublings to 16 times
  std::vector<std::string> modes{"nonoverlapping"};
  std::string split = "valid";  ///< valid | test | a text file
  std::string checkpoint = "best";
  std::vector<std::string> overrides;  ///< dotted.key=value of the run's configuration
  std::vector<std::string> position;   ///< key=value of its position section
  std::filesystem::path output;        ///< empty: <run>/evaluations
  bool reuse = false;                  ///< keep cells that are there already
};

/// Scores every (length, mode) and merges the cells into <output>/<split>.json with its .csv and
/// .svg. Returns the cells asked for. Collective: the ranks share the work, rank 0 alone writes.
/// @param device of this process
Json evaluate_run(const EvaluationRequest& request, c10::Device device, Communicator& communicator);

}  // namespace longspan::cli
