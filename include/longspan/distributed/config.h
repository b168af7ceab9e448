#pragma once

#include <c10/core/ScalarType.h>

#include <cstdint>
#include <optional>

#include "longspan/config/reader.h"

namespace longspan {

/// What carries tensors on GPUs; on a CPU it is always Gloo.
enum class Backend { Auto, Gloo, Nccl };

/// How a run spreads over processes.
struct DistributedConfig {
  Backend backend = Backend::Auto;        ///< Auto: NCCL on GPUs, else Gloo
  std::optional<std::int64_t> processes;  ///< nothing: one for each visible GPU, one on a CPU
  double timeout_seconds = 600.0;         ///< for meeting and for every collective call
  double bucket_mib = 25.0;               ///< of gradients that travel together, in MiB
  at::ScalarType reduce_precision =
      at::kFloat;                         ///< or bfloat16: of gradients on the wire and their sums
  bool shard_optimizer = false;           ///< each rank keeps its share of the optimizer's state
  std::int64_t check_every_steps = 1000;  ///< compare parameters over ranks; 0: at the start only
  bool bind_cores = true;                 ///< where longspan starts the processes itself

  std::int64_t bucket_bytes() const { return static_cast<std::int64_t>(bucket_mib * (1 << 20)); }
};

/// Reads the distributed section. @throws Error(Config)
DistributedConfig read_distributed_config(const config::Reader& reader);

}  // namespace longspan
