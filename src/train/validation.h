#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "longspan/data/shards.h"
#include "longspan/distributed/communicator.h"
#include "longspan/run/run_config.h"

namespace longspan {

/// What a validation found.
struct Validation {
  struct Score {
    std::int64_t length = 0;
    double loss_nats = 0.0;  ///< a token
    double ppl = 0.0;
  };
  std::vector<Score> scores;         ///< at validate.lengths
  std::vector<Score> extrapolation;  ///< at the extrapolation lengths that the model can do
};

/// Scores the validation split at each length of the config. Collective: the ranks share the work.
/// @param should_stop asked between batches
/// @return nothing when a rank was told to stop
std::optional<Validation> validate(const RunConfig& config, const Transformer& model,
                                   const ShardFolder& data, Communicator& communicator,
                                   const std::function<bool()>& should_stop);

/// Returns the value of a metric; nothing when the validation has none such.
std::optional<double> value_of(const Validation& validation, const BestMetric& metric);

}  // namespace longspan
