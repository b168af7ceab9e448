#pragma once

#include <functional>
#include <optional>
#include <string>

#include "longspan/data/batches.h"
#include "longspan/distributed/gradient_reducer.h"
#include "longspan/optim/loss_scale.h"
#include "longspan/run/run_config.h"
#include "train/guard.h"
#include "train/layer_norms.h"

namespace longspan {

/// What the ranks decide together while they exchange gradients.
struct StepVote {
  int stop_signal = 0;           ///< of kStopSignals, that any rank received; 0: none
  bool save = false;             ///< has any rank been asked to save
  double elapsed_seconds = 0.0;  ///< by rank 0's clock
};

/// What one optimizer step did, over all ranks.
struct StepResult {
  double loss_sum = 0.0;  ///< nats, over num_targets
  std::int64_t num_targets = 0;
  StepVote vote;
  double grad_norm = 0.0;  ///< of the mean loss's gradient, before clipping
  double lr = 0.0;
  std::vector<LayerNorms> layer_norms;  ///< where they were asked for and the update counts
  std::vector<double> activation_max;   ///< of each layer's output; as layer_norms
  bool skipped = false;     ///< nothing was updated but the loss scale and the guard's state
  bool rolls_back = false;  ///< besides, the run must go on from an earlier checkpoint
  /// Where the guard left the update out, what follows "training diverged at step 3" and "update
  /// skipped"; else empty.
  std::string trouble;
  /// A rank was told to stop before its last pass, so that nothing was updated and the step counts
  /// as not begun.
  bool abandoned = false;
};

/// What the steps of a run work on.
struct StepParts {
  const RunConfig& config;
  const Transformer& model;
  Optimizer& optimizer;
  Communicator& communicator;
  GradientReducer* reducer = nullptr;  ///< nothing on a rank that is alone
  LossScale* loss_scale = nullptr;     ///< fp16 only
  Guard* guard = nullptr;              ///< nothing where a bad step stops the run

  /// Returns whether each rank has sums of its own gradients alone.
  bool scatters_sums() const;
  /// Returns that of which this rank has the gradients' sums.
  NamedTensors summed() const;
};

/// One step's own part.
struct StepInput {
  const BatchLoader::Step& batch;            ///< this rank's share
  std::int64_t skipped = 0;                  ///< steps before this one whose update was skipped
  std::function<StepVote()> vote;            ///< asked once this rank's passes are done
  std::function<bool()> should_stop = {};    ///< asked between passes
  std::function<void()> before_update = {};  ///< called before parameters or state change
  Timeline* timeline = nullptr;              ///< gets spans of the step, when there is one
  bool is_checked = false;                   ///< compute loss and gradients twice and compare them
  bool measures_layers = false;              ///< measure the layers' norms
  bool measures_activations = false;         ///< measure the largest output of each layer
};

/// How the passes of a step run.
struct PassOptions {
  double loss_scale = 1.0;             ///< multiplies the gradients
  GradientReducer* reducer = nullptr;  ///< told of the last pass
  Timeline* timeline = nullptr;
  std::function<bool()> should_stop = {};  ///< asked between passes
  /// Gets the layer_maxima of ForwardOptions over all passes.
  std::vector<at::Tensor>* layer_maxima = nullptr;
};

/// Adds the gradients of a batch's summed loss to the parameters, pass by pass of
/// config.train.micro_batch_tokens. Returns the summed loss in nats, float64 on the model's device,
/// without waiting for it; nothing when it was told to stop before the last pass.
std::optional<at::Tensor> accumulate_gradients(const RunConfig& config, const Transformer& model,
                                               const BatchLoader::Step& step,
                                               const PassOptions& options = {});
/// Forgets all gradients.
void drop_gradients(const NamedTensors& parameters);

/// Runs optimizer step number batch.step: passes over micro-batches, gradients of the summed loss
/// added up over ranks and divided once by the number of targets, clipping, update. Collective.
/// A step is a batch, whatever becomes of it: data and dropout are a function of (seed, step) also
/// where updates are skipped. The schedule counts updates, so its rate is that of batch.step -
/// skipped; max_steps counts batches, where fairseq's --max-update counts updates. Whether a step
/// is skipped depends on the loss and the gradient norm over all ranks alone.
/// @throws Error(Numeric) that names the step and the first bad tensor when the loss or the
/// gradient is not finite, in fp16 only once the loss scale cannot fall further, or that names the
/// loss when it is a spike, and the guard, if any, does not leave the update out; parameters are
/// then as before the step; Error(Internal) as check_no_difference() when a step that is checked
/// gave other bits the second time, in time to keep the parameters
StepResult run_step(const StepParts& place, const StepInput& input);

}  // namespace longspan
