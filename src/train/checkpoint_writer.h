#pragma once

#include <c10/core/thread_pool.h>

#include <filesystem>
#include <future>
#include <optional>
#include <string>

#include "longspan/checkpoint/checkpoint.h"
#include "longspan/run/run_config.h"
#include "train/progress.h"
#include "train/tensor_copies.h"

namespace longspan {

/// Returns what is kept once the checkpoint of a run's progress is on disk.
Retention retention_after(const RunConfig& config, const RunProgress& progress);
/// Returns what is kept where there is no room for the checkpoint of a step: the one that would go
/// after it goes before it, but never the last, the best, or the one to roll back to.
Retention retention_before(const RunConfig& config, std::int64_t step);

/// Saves checkpoints of a run, one at a time, beside training when the config says async: first a
/// copy is made, while the next step computes its gradients, then that is written, while training
/// goes on. A save that fails is told of, the first of several in a row, and no error: the next one
/// may succeed.
class CheckpointWriter {
 public:
  CheckpointWriter(const RunConfig& config, std::filesystem::path run_folder,
                   std::filesystem::path tokenizer_folder);
  ~CheckpointWriter();
  CheckpointWriter(const CheckpointWriter&) = delete;
  CheckpointWriter& operator=(const CheckpointWriter&) = delete;

  /// Begins a save. Parameters and state must stay as they are until wait_for_copy() has returned.
  /// @param optimizer_state as Optimizer::state() returned it
  void save(const Transformer& model, const NamedTensors& optimizer_state,
            const RunProgress& progress);
  /// Waits for the copy of the save under way. @throws what making it threw
  void wait_for_copy();
  /// Returns whether a save is under way.
  bool is_busy() const;
  /// Waits for the save under way. @throws Error what is not of the file system
  void wait();
  /// Returns why the last save failed; nothing when it is on disk. To be asked after wait().
  const std::optional<std::string>& failure() const { return failure_; }

 private:
  void copy_and_write(CheckpointContents contents, const RunProgress& progress,
                      std::promise<void> copied);
  void write(const CheckpointContents& contents, const RunProgress& progress);
  void save_and_mark(const CheckpointContents& contents, bool is_best) const;

  const RunConfig& config_;
  std::filesystem::path run_folder_, tokenizer_folder_;
  std::optional<std::string> failure_;
  TensorCopies model_, optimizer_state_;
  std::future<void> copied_;
  std::future<void> in_flight_;
  /// Of all saves: a thread made for each would leave its heap and its OpenMP threads behind.
  std::optional<c10::ThreadPool> thread_;
};

}  // namespace longspan
