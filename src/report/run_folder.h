#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "longspan/core/json.h"
#include "report/evaluation.h"
#include "report/history.h"
#include "report/reach.h"

namespace longspan::report {

/// A run as its folder tells it.
struct Run {
  std::string name;  ///< as in its config; read_runs() makes names of a report differ
  std::string method;
  std::int64_t train_length = 0;
  std::int64_t seed = 0;
  std::string config;  ///< resolved, as YAML
  std::string recipe;  ///< the config less name and seed: runs of one recipe are repetitions
  Json environment;    ///< null when the folder has none
  std::vector<MetricRow> history;
  std::vector<Evaluation> evaluations;
  std::vector<Reach> reaches;
};

/// Reads the folders of runs, each once. @throws Error(Config) for a folder that is no run;
/// Error(Data), Error(Io)
std::vector<Run> read_runs(const std::vector<std::filesystem::path>& folders);

/// Returns each folder once, in the order of its first place.
std::vector<std::filesystem::path> distinct(const std::vector<std::filesystem::path>& folders);

/// Reads one folder; the run has the name of its config. @throws as read_runs() does
Run read_run(const std::filesystem::path& folder);

/// Makes equal names of runs differ by their folders, which come in the same order.
void tell_apart(std::vector<Run>& runs, const std::vector<std::filesystem::path>& folders);

/// Returns a text with the sizes and times of the files that read_runs() reads of a folder.
std::string state_of_files(const std::filesystem::path& folder);

/// Returns a sentence for each thing that a run lacks.
std::vector<std::string> missing_parts(const std::vector<Run>& runs);

}  // namespace longspan::report
