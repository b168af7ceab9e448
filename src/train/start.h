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

}  // namespace longspan
