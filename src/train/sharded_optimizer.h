#pragma once

#include <memory>

#include "longspan/distributed/communicator.h"
#include "longspan/optim/optimizer.h"
#include "longspan/run/run_config.h"

namespace longspan {

/// Returns the optimizer of a run: over whole parameters, or with distributed.shard_optimizer over
/// this rank's rows of each, so that the state's memory is divided by the number of ranks
/// (Rajbhandari et al., "ZeRO", SC 2020, stage 1). Every element is updated by the same
/// operations, so both give the same bits. A sharded optimizer's step(), state() and load_state()
/// are collective; its state is that of whole parameters, and so fits any number of ranks.
/// @throws Error(Config) for a kind that cannot update rows apart, before anything is exchanged
std::unique_ptr<Optimizer> make_run_optimizer(const RunConfig& config,
                                              const NamedTensors& parameters,
                                              Communicator& communicator);

}  // namespace longspan
