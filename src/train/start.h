#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "longspan/checkpoint/checkpoint.h"
#include "longspan/distributed/communicator.h"

namespace longspan {

/// Collective. Returns on every rank the checkpoint that a run begins from, or nothing for a run
/// that is new. Rank 0 alone reads, so that all start from the same bits even where they see other
/// disks.
/// @param resume "auto": the newest that is whole; "never"; or a checkpoint's folder
/// @throws Error(Config) when there are checkpoints with "never"; Error(Checkpoint)
std::optional<CheckpointContents> find_start(Communicator& communicator,
                                             const std::filesystem::path& run_folder,
                                             const std::string& resume);

/// The checkpoints that a run saves whether or not a signal, a limit or a validation asks for more,
/// so that one which was interrupted has the same.
struct ScheduledCheckpoints {
  std::int64_t every_steps = 0;
  std::int64_t step = 0;  ///< of the run; later ones are not its own

  /// Returns the newest one's step, on disk or not; 0 where there is none.
  std::int64_t newest() const { return step - step % every_steps; }
};

/// Collective. Returns on every rank the newest scheduled checkpoint that is whole, or nothing.
/// Rank 0 alone reads. @throws Error(Io)
std::optional<CheckpointContents> find_scheduled(Communicator& communicator,
                                                 const std::filesystem::path& run_folder,
                                                 const ScheduledCheckpoints& scheduled);

}  // namespace longspan
