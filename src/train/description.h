#pragma once

#include "longspan/train/trainer.h"

namespace longspan {

/// The sizes that a run turned out to have.
struct RunSizes {
  std::int64_t train_tokens = 0;
  std::int64_t steps_per_epoch = 0;
  std::optional<std::int64_t> total_steps;
  int processes = 1;
};

/// Writes a run's config.yaml and environment.json, and logs what is about to train and by which
/// paths. @throws Error(Io)
void describe_run(const RunConfig& config, const TrainOptions& options, const Transformer& model,
                  const RunSizes& sizes);

}  // namespace longspan
