#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "longspan/run/run_config.h"

namespace longspan {

/// A trainable tensor and the work that a token brings to it, in FLOP.
struct ParameterCost {
  std::string name;
  std::int64_t rows = 1;  ///< entries along the first dimension; a scalar is one
  std::int64_t elements = 0;
  double forward_flop = 0.0;
  /// Until its gradient is final, from the tensor after it in the order of parameters on. The
  /// matrices of the head have theirs in forward_flop: the loss computes them while it has the
  /// logits.
  double backward_flop = 0.0;
  double lookup_bytes = 0.0;  ///< of the row of gradients that a token adds to an embedding
};

/// Returns a run's model without its layers but the first.
Transformer model_of_one_layer(RunConfig config, std::int64_t vocab_size);

/// Returns all tensors of a run's model in the order of Transformer::parameters(); makes one layer
/// of it. Forward is 2 FLOP for each weight that multiplies a token, backward twice that; causal
/// attention multiplies by keys and by values, each over half the block on average, and counts for
/// the projection of values, before which backward does it. The tails of an adaptive softmax, which
/// few targets reach, have none.
std::vector<ParameterCost> parameter_costs(const RunConfig& config, std::int64_t vocab_size);

/// Returns the FLOP of a token in all of them.
double flop_of(const std::vector<ParameterCost>& costs);

}  // namespace longspan
