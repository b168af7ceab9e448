#pragma once

#include <filesystem>
#include <future>
#include <optional>

#include "longspan/checkpoint/checkpoint.h"
#include "longspan/run/run_config.h"
#include "train/progress.h"

namespace longspan {

/// Saves checkpoints of a run, beside training when the config says async: from a copy, one at a
/// time, each error thrown at the next call.
class CheckpointWriter {
 public:
  CheckpointWriter(const RunConfig& config, std::filesystem::path run_folder,
                   std::filesystem::path tokenizer_folder);
  ~CheckpointWriter();
  CheckpointWriter(const CheckpointWriter&) = delete;
  CheckpointWriter& operator=(const CheckpointWriter&) = delete;

  /// @param optimizer_state as Optimizer::state() returned it
  void save(const Transformer& model, const NamedTensors& optimizer_state,
            const RunProgress& progress);
  /// Waits for the save in flight. @throws Error what it threw
  void wait();

 private:
  const RunConfig& config_;
  std::filesystem::path run_folder_, tokenizer_folder_;
  std::future<void> in_flight_;
};

}  // namespace longspan
