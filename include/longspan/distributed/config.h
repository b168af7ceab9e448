#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "longspan/config/reader.h"

namespace longspan {

/// How a run spreads over processes.
struct DistributedConfig {
  std::string backend = "auto";           ///< auto | gloo | nccl; auto: NCCL on GPUs, else Gloo
  std::optional<std::int64_t> processes;  ///< nothing: one for each visible GPU, one on a CPU
  double timeout_seconds = 600.0;         ///< for every collective call
};

/// Reads the distributed section. @throws Error(Config); also for what this version cannot do: more
/// than one process
DistributedConfig read_distributed_config(const config::Reader& reader);

}  // namespace longspan
