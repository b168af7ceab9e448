#pragma once

#include "interop/architecture.h"
#include "longspan/interop/portable_model.h"

namespace longspan::interop {

/// One of our models as an architecture has it.
struct Expression {
  const Architecture* architecture;
  ModelShape shape;
  NamedTensors parameters;  ///< pairs of turned elements as the architecture has them
};

/// Finds the architecture that computes what a model computes. @throws Error(Config) when there is
/// none, with what would have to change for each
Expression express(const PortableModel& model);

}  // namespace longspan::interop
