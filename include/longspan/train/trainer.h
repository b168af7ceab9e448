#pragma once

#include <c10/core/Device.h>

#include <filesystem>
#include <string>
#include <vector>

#include "longspan/distributed/communicator.h"
#include "longspan/run/run_config.h"

namespace longspan {

struct TrainOptions {
  std::filesystem::path run_folder;
  std::string resume = "auto";  ///< auto | never | a checkpoint folder
  std::vector<std::string> command_line;
  c10::Device device = c10::kCPU;  ///< of this process
};

/// How a call of train() ended.
struct TrainResult {
  enum class End { Done, AlreadyDone, Interrupted, Terminated };
  End end = End::Done;
  std::int64_t step = 0;
};

/// Trains a run to its end, or to the next signal, and leaves its folder as interface section 3
/// says. Prepares data first when it is missing. A run that was stopped continues with the same
/// bits as one that never was (float32, the same number of processes). Collective: the ranks share
/// each step's sequences, whatever their number, so that a run may continue on another number of
/// them; rank 0 alone reads and writes the run's folder.
/// @throws Error
TrainResult train(const RunConfig& config, const TrainOptions& options, Communicator& communicator);

}  // namespace longspan
