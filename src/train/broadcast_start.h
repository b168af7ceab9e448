#pragma once

#include <optional>

#include "longspan/checkpoint/checkpoint.h"
#include "longspan/distributed/communicator.h"

namespace longspan {

/// Collective. Returns on every rank what rank 0 read of a checkpoint, or nothing when it read
/// none.
/// @param contents looked at on rank 0 only
std::optional<CheckpointContents> broadcast_start(Communicator& communicator,
                                                  std::optional<CheckpointContents> contents);

}  // namespace longspan
