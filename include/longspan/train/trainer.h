#pragma once

#include <c10/core/Device.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "longspan/data/shards.h"
#include "longspan/distributed/communicator.h"
#include "longspan/run/run_config.h"

namespace longspan {

struct TrainOptions {
  std::filesystem::path run_folder;
  std::string resume = "auto";  ///< auto | never | a checkpoint folder
  std::vector<std::string> command_line;
  c10::Device device = c10::kCPU;  ///< of this process
  /// Of config.data, where the caller has prepared it; else train() does.
  std::optional<ShardFolder> data = std::nullopt;
  /// Keys and sections of the config that may change although they decide what the steps of a run
  /// that goes on mean.
  std::vector<std::string> allow_change = {};
};

/// How a call of train() ended.
struct TrainResult {
  std::int64_t step = 0;
  int stop_signal = 0;  ///< that ended it before its time, after a save; 0: none
};

/// Trains a run to its end, or to the next stop signal, and leaves its folder as interface section
/// 3 says. A run that was stopped continues with the same bits as one that never was (float32, the
/// same number of processes). Collective: the ranks share each step's sequences, whatever their
/// number, so that a run may continue on another number of them; rank 0 alone reads and writes the
/// run's folder.
/// @throws Error
TrainResult train(const RunConfig& config, const TrainOptions& options, Communicator& communicator);

}  // namespace longspan
