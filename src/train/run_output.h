#pragma once

#include <optional>

#include "longspan/run/run_folder.h"
#include "train/checkpoint_writer.h"
#include "train/metrics.h"
#include "train/workspace.h"

namespace longspan {

/// All that a run leaves in its folder while it trains: what it is, rows of metrics, checkpoints.
/// Of rank 0 alone.
class RunOutput {
 public:
  /// Writes config.yaml and environment.json. All arguments outlive this. @param folder held; made
  /// and taken again where it is removed
  RunOutput(Workspace& work, const TrainOptions& options, std::optional<RunFolder>& folder);

  /// Adds a row to the metrics and shows the progress.
  void write(const MetricRow& row);
  /// Saves a checkpoint. @param optimizer_state as Optimizer::state() returned it
  void save(const NamedTensors& optimizer_state);
  /// Waits for the save in flight. @throws Error what it threw
  void wait() { checkpoints_.wait(); }
  /// Notices that the folder was removed, says so, and goes on in a new one, so that the end of the
  /// run still leaves a checkpoint. @throws Error(Io), Error(Config) when it cannot be made
  void keep_folder();
  /// Returns whether files of the run were removed since they were made.
  bool is_lost() const { return metrics_->is_lost(); }

 private:
  void finish_save();

  Workspace& work_;
  const TrainOptions& options_;
  std::optional<RunFolder>& folder_;
  std::optional<MetricsWriter> metrics_;
  CheckpointWriter checkpoints_;
};

}  // namespace longspan
