#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "longspan/run/run_config.h"
#include "longspan/tokenizer/tokenizer.h"

namespace longspan {

/// A checkpoint of a run and the configuration that it was saved with. No tensor is read yet.
struct SavedRun {
  std::filesystem::path folder;
  std::filesystem::path checkpoint;  ///< its folder
  RunConfig config;
};

/// Finds a checkpoint of a run. @param checkpoint "best", "latest" or a checkpoint folder
/// @param overrides "dotted.key=value" of its configuration each @throws Error(Config) for a folder
/// that is no run; Error(Checkpoint)
SavedRun find_run(const std::filesystem::path& folder, const std::string& checkpoint,
                  const std::vector<std::string>& overrides = {});

/// A trained model as it lies in a run's folder.
struct TrainedRun {
  std::filesystem::path folder;
  RunConfig config;
  std::int64_t step = 0;
  std::shared_ptr<const Tokenizer> tokenizer;
  Transformer model;  ///< on the CPU
};

/// Reads what find_run() found. @throws Error(Checkpoint)
TrainedRun open_run(const SavedRun& saved);

}  // namespace longspan
