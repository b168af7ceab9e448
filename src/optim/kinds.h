#pragma once

#include <memory>

#include "longspan/optim/optimizer.h"

namespace longspan {

/// Nesterov's accelerated gradient in fairseq's form, whose velocity carries the learning rate.
/// @see arXiv:2108.12409, fairseq/optim/nag.py
std::unique_ptr<Optimizer> make_nag(const OptimizerConfig& config, const NamedTensors& parameters);
/// Adam with decoupled weight decay. @see arXiv:1711.05101, algorithm 2
std::unique_ptr<Optimizer> make_adamw(const OptimizerConfig& config,
                                      const NamedTensors& parameters);
/// Gradient descent with heavy-ball momentum: v <- momentum v + g, parameter <- parameter - lr v.
std::unique_ptr<Optimizer> make_sgd(const OptimizerConfig& config, const NamedTensors& parameters);

}  // namespace longspan
