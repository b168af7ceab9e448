#pragma once

#include <c10/core/Device.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "longspan/core/json.h"
#include "longspan/tokenizer/tokenizer.h"
#include "longspan/train/run_config.h"

namespace longspan {

/// A trained model as it lies in a run's folder.
struct TrainedRun {
  std::filesystem::path folder;
  RunConfig config;
  std::int64_t step = 0;
  std::shared_ptr<const Tokenizer> tokenizer;
  Transformer model;
};

/// Opens a run, its model on the CPU. @param checkpoint "best", "latest" or a checkpoint folder
/// @param overrides "dotted.key=value" of its configuration each @throws Error(Config) for a folder
/// that is no run; Error(Checkpoint)
TrainedRun open_run(const std::filesystem::path& folder, const std::string& checkpoint,
                    const std::vector<std::string>& overrides = {});

/// Returns versions, commit, host, devices and the command line, as environment.json holds them.
Json describe_environment(const std::vector<std::string>& command_line, c10::Device device);
/// Returns the text of `--version`.
std::string version_text();

}  // namespace longspan
