#pragma once

#include "longspan/data/batches.h"
#include "longspan/train/run_config.h"

namespace longspan {

/// What one optimizer step did.
struct StepResult {
  double loss_sum = 0.0;  ///< nats, over num_targets
  std::int64_t num_targets = 0;
  double grad_norm = 0.0;  ///< of the mean loss's gradient, before clipping
  double lr = 0.0;
};

/// Adds the gradients of a batch's summed loss to the parameters, pass by pass of
/// config.train.micro_batch_tokens. Returns the summed loss in nats.
double accumulate_gradients(const RunConfig& config, const Transformer& model,
                            const BatchLoader::Step& step);
/// Forgets all gradients.
void drop_gradients(const NamedTensors& parameters);

/// Runs optimizer step number batch.step: passes over micro-batches, gradients of the summed loss
/// divided once by the number of targets, clipping, update. @throws Error(Numeric) that names the
/// step and the first bad tensor when the loss or the gradient is not finite; parameters are then
/// as before the step
StepResult run_step(const RunConfig& config, const Transformer& model, Optimizer& optimizer,
                    const BatchLoader::Step& batch);

}  // namespace longspan
