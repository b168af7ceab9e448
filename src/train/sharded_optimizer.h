#pragma once

#include <memory>

#include "longspan/distributed/parameter_shards.h"
#include "longspan/optim/optimizer.h"

namespace longspan {

/// Returns an optimizer of this rank's elements of the parameters, with the state of those alone
/// (ZeRO-1), whose step() takes the gradients of shards.own() and gathers the parameters from all
/// ranks, and whose state() is of whole parameters, as one over them has it: step(), state() and
/// load_state() are collective. The same sums of gradients give the same bits.
/// @throws Error(Config) for an optimizer that needs whole tensors
std::unique_ptr<Optimizer> make_sharded_optimizer(const OptimizerConfig& config,
                                                  ParameterShards& shards);

}  // namespace longspan
