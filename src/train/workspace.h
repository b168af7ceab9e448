#pragma once

#include <memory>
#include <optional>

#include "longspan/checkpoint/checkpoint.h"
#include "longspan/data/batches.h"
#include "longspan/distributed/gradient_reducer.h"
#include "longspan/optim/loss_scale.h"
#include "longspan/train/trainer.h"
#include "train/guard.h"
#include "train/progress.h"
#include "train/sample.h"
#include "train/sharded_optimizer.h"

namespace longspan {

/// All that a run trains with, as it stands before the next step.
struct Workspace {
  /// Prepares the data, makes the model and takes up the checkpoint that options.resume names.
  /// Collective. @throws Error
  Workspace(const RunConfig& run_config, const TrainOptions& options,
            Communicator& the_communicator);

  /// Returns whether a limit of the config ends the run here.
  bool is_done() const;
  /// Returns the seconds until max_seconds; nothing without that limit.
  std::optional<double> seconds_left() const;
  /// Checks that all ranks have the same parameters. Collective. @throws Error(Distributed)
  void check_ranks_are_equal() const;
  /// Takes up weights, optimizer, loss scale and the guard's losses of the newest scheduled
  /// checkpoint. The step stays: the batches since then are used up, and count as steps whose
  /// update was left out. Collective. @param trouble of the step, as in StepResult
  /// @throws Error(Numeric) when there is none
  void roll_back(const std::filesystem::path& run_folder, const std::string& trouble);

  RunConfig config;
  Communicator& communicator;
  ShardFolder data;
  TrainingStreams train_stream;
  std::shared_ptr<const BatchPlan> plan;
  std::optional<std::int64_t> total_steps;  ///< nothing when only time limits the run
  Transformer model;
  std::unique_ptr<ParameterShards> shards;  ///< with distributed.shard_optimizer on several ranks
  std::unique_ptr<Optimizer> optimizer;
  std::optional<LossScale> loss_scale;       ///< fp16 only
  std::optional<Guard> guard;                ///< where a bad step does not simply stop the run
  std::unique_ptr<GradientReducer> reducer;  ///< nothing on a rank that is alone
  std::optional<Sample> sample;              ///< where validate.sample asks for one
  RunProgress progress;

 private:
  void resume(const TrainOptions& options);
  void restore(const CheckpointContents& contents, const TrainOptions& options);
  [[noreturn]] void refuse_other_data(const std::string& trained_on,
                                      const TrainOptions& options) const;
  void settle_micro_batch();
  void start_loss_scale();
  void start_guard();
  void roll_back_to(const CheckpointContents& contents);
};

}  // namespace longspan
