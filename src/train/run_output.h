#pragma once

#include <optional>
#include <string>
#include <vector>

#include "longspan/run/run_folder.h"
#include "train/checkpoint_writer.h"
#include "train/metrics.h"
#include "train/workspace.h"

namespace longspan {

/// All that a run leaves in its folder while it trains: what it is, rows of metrics, checkpoints.
/// Of rank 0 alone. Once made, it lets a run go on whatever happens to the folder: what cannot be
/// written is told of once and tried again, and is an error at the end only.
class RunOutput {
 public:
  /// Writes config.yaml and environment.json. All arguments outlive this. @param folder held; made
  /// and taken again where it is removed  @throws Error(Io)
  RunOutput(Workspace& work, const TrainOptions& options, std::optional<RunFolder>& folder);

  /// Adds a row to the metrics and shows the progress.
  void write(const MetricRow& row);
  /// Saves a checkpoint. @param optimizer_state as Optimizer::state() returned it
  void save(const NamedTensors& optimizer_state);
  /// Waits until the checkpoint being saved is copied, so that parameters and state may change.
  void wait_for_copy() { checkpoints_.wait_for_copy(); }
  /// Waits for the save under way.
  void wait_for_save() { checkpoints_.wait(); }
  /// Notices that the folder was removed, says so, and goes on in a new one, so that the end of the
  /// run still leaves a checkpoint. Returns whether there is a folder to write to.
  bool keep_folder();
  /// Takes back the best validation so far when its save is found to have failed.
  void settle_best();
  /// Waits for the save under way. Returns why the last one is not on disk.
  std::optional<std::string> failure();
  /// Waits for all that is under way. @throws Error(Checkpoint) when the last save failed;
  /// Error(Io) when rows of metrics are missing
  void finish();

 private:
  struct Best {
    std::optional<double> value;
    std::int64_t step = 0;
  };
  bool is_lost() const;
  void make_folder_again();
  void write_rows();
  void take_back_best();

  Workspace& work_;
  const TrainOptions& options_;
  std::optional<RunFolder>& folder_;
  std::int64_t next_step_;  // the first whose row may come
  std::vector<Json> rows_;  // that are not in the file yet
  std::optional<MetricsWriter> metrics_;
  CheckpointWriter checkpoints_;
  Best best_on_disk_, best_under_way_;  // under way: as the last save that was begun has it
  std::optional<std::string> folder_failure_, rows_failure_;
};

}  // namespace longspan
