#pragma once

#include <memory>

#include "longspan/optim/optimizer.h"

namespace longspan {

// A kind is its options, each with a default; the function that reads them from the optimizer
// section, whose `kind` is already read; and the one that makes the optimizer. weight_decay is
// decoupled in every kind, and on matrices only (tensors of two dimensions or more).

struct NagOptions {
  double momentum = 0.99;
  double weight_decay = 0.0;
};
NagOptions read_nag(const config::Reader& reader);
/// Nesterov's accelerated gradient in fairseq's form, whose velocity carries the learning rate.
/// @see arXiv:2108.12409, fairseq/optim/nag.py
std::unique_ptr<Optimizer> make_nag(const NagOptions& options, const NamedTensors& parameters);

struct AdamWOptions {
  double beta1 = 0.9;
  double beta2 = 0.95;
  double eps = 1e-8;
  double weight_decay = 0.0;
};
AdamWOptions read_adamw(const config::Reader& reader);
/// Adam with decoupled weight decay. @see arXiv:1711.05101, algorithm 2
std::unique_ptr<Optimizer> make_adamw(const AdamWOptions& options, const NamedTensors& parameters);

struct SgdOptions {
  double momentum = 0.99;
  double weight_decay = 0.0;
};
SgdOptions read_sgd(const config::Reader& reader);
/// Gradient descent with heavy-ball momentum: v <- momentum v + g, parameter <- parameter - lr v.
std::unique_ptr<Optimizer> make_sgd(const SgdOptions& options, const NamedTensors& parameters);

}  // namespace longspan
