#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace longspan {

enum class RunState {
  Running,   ///< a process of this machine holds the folder
  Finished,  ///< a limit of `train` was reached
  Stopped,   ///< all of it was saved
  Failed,    ///< it ended without a save of its last steps
};
std::string_view name_of(RunState state);

/// What the files of a run say.
struct ListedRun {
  std::filesystem::path folder;
  RunState state = RunState::Stopped;
  std::int64_t step = 0;                  ///< the last that is known of
  std::optional<std::int64_t> max_steps;  ///< nothing where `train` has another limit
  std::optional<double> train_loss;       ///< nats a token, of the last row
  std::optional<double> best_valid_loss;  ///< nats a token
  double age_seconds = 0;                 ///< since something in it was last written
  std::int64_t bytes = 0;                 ///< of all its files
};

/// A run whose files cannot be read.
struct DamagedRun {
  std::filesystem::path folder;
  std::string problem;  ///< one line
};

struct RunList {
  std::vector<ListedRun> runs;      ///< by path
  std::vector<DamagedRun> damaged;  ///< by path
};

/// Lists the runs in a folder and, four levels deep, below it; links are not followed. Writes
/// nothing. @throws Error(Config) for what is no folder
RunList list_runs(const std::filesystem::path& folder);

}  // namespace longspan
