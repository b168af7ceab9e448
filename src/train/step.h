#pragma once

#include <functional>

#include "longspan/data/batches.h"
#include "longspan/distributed/gradient_reducer.h"
#include "longspan/optim/loss_scale.h"
#include "longspan/run/run_config.h"

namespace longspan {

/// What the ranks decide together while they exchange gradients.
struct StepVote {
  bool interrupted = false;      ///< has any rank received SIGINT
  bool terminated = false;       ///< has any rank received SIGTERM
  double elapsed_seconds = 0.0;  ///< by rank 0's clock
};

/// How a step is shared with other ranks.
struct StepPeers {
  Communicator& communicator;
  GradientReducer* reducer = nullptr;  ///< nothing on a rank that is alone
  Timeline* timeline = nullptr;        ///< gets spans of the step, when there is one
};

/// What one optimizer step did, over all ranks.
struct StepResult {
  double loss_sum = 0.0;  ///< nats, over num_targets
  std::int64_t num_targets = 0;
  StepVote vote;
  double grad_norm = 0.0;  ///< of the mean loss's gradient, before clipping
  double lr = 0.0;
  bool skipped = false;  ///< fp16: not finite, so nothing was updated but the loss scale
};

/// What a step changes besides the parameters.
struct StepState {
  Optimizer& optimizer;
  LossScale* loss_scale = nullptr;  ///< fp16 only
  std::int64_t skipped = 0;         ///< steps before this one whose update was skipped
};

/// Adds the gradients of a batch's summed loss to the parameters, pass by pass of
/// config.train.micro_batch_tokens. Returns the summed loss in nats. @param loss_scale multiplies
/// the gradients @param peers whose reducer is told of the last pass
double accumulate_gradients(const RunConfig& config, const Transformer& model,
                            const BatchLoader::Step& step, double loss_scale = 1.0,
                            const StepPeers* peers = nullptr);
/// Forgets all gradients.
void drop_gradients(const NamedTensors& parameters);

/// Runs optimizer step number batch.step: passes over micro-batches, gradients of the summed loss
/// added up over ranks and divided once by the number of targets, clipping, update. Collective.
/// A step is a batch, whatever becomes of it: data and dropout are a function of (seed, step) also
/// where fp16 skips updates. The schedule counts updates, so its rate is that of batch.step -
/// state.skipped; max_steps counts batches, where fairseq's --max-update counts updates. Whether a
/// step is skipped depends on the loss and the gradient norm over all ranks alone.
/// @param batch this rank's share @param vote called once this rank's passes are done @throws
/// Error(Numeric) that names the step and the first bad tensor when the loss or the gradient is not
/// finite, in fp16 only once the loss scale cannot fall further; parameters are then as before the
/// step
StepResult run_step(const RunConfig& config, const Transformer& model, const StepState& state,
                    const BatchLoader::Step& batch, const StepPeers& peers,
                    const std::function<StepVote()>& vote);

}  // namespace longspan
