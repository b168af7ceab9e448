#pragma once

#include <cstdint>
#include <exception>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "longspan/core/json.h"
#include "longspan/core/named_tensors.h"

namespace longspan {

/// All that a checkpoint holds.
struct CheckpointContents {
  std::int64_t step = 0;
  NamedTensors model;
  NamedTensors optimizer;
  Json trainer;             ///< counters and whatever else continues a run
  std::string config_yaml;  ///< resolved
};

/// Which checkpoints of a run are kept.
struct Retention {
  std::int64_t keep_last = 3;
  std::optional<std::int64_t> best_step = {};      ///< this one is kept besides
  std::optional<std::int64_t> rollback_step = {};  ///< and this one
  std::int64_t keep_every_steps = 0;               ///< and these multiples; 0: none
};

/// Writes checkpoints/step-%09d under the run folder: first under a temporary name, synced,
/// manifest.json last, then renamed; then points `latest` at it. @param tokenizer_folder copied
/// into tokenizer/ @param when_written is told the bytes of each tensor that was written
/// @return the final folder  @throws Error(Checkpoint)
std::filesystem::path save_checkpoint(const std::filesystem::path& run_folder,
                                      const CheckpointContents& contents,
                                      const std::filesystem::path& tokenizer_folder,
                                      const std::function<void(std::int64_t)>& when_written = {});
/// Returns whether an error of save_checkpoint() came of a disk or a quota that is full.
bool is_out_of_space(const std::exception& error);
/// Points `best` at the checkpoint of a step.
void mark_best(const std::filesystem::path& run_folder, std::int64_t step);
/// Deletes checkpoints that retention does not name, and left-overs of interrupted saves. Removal
/// is by rename first, so that a folder half deleted never looks whole. The newest whole one stays
/// whatever retention says.
void prune_checkpoints(const std::filesystem::path& run_folder, const Retention& retention);

/// Returns the folders that are named as checkpoints, whole or not, oldest step first.
std::vector<std::filesystem::path> checkpoint_folders(const std::filesystem::path& run_folder);
/// Returns the folders of whole checkpoints (every file of the manifest there with its size),
/// oldest step first.
std::vector<std::filesystem::path> list_checkpoints(const std::filesystem::path& run_folder);
/// Finds the checkpoint that a user means: "latest", "best" (falls back to latest with a warning
/// when none is marked), or a path. @throws Error(Checkpoint)
std::filesystem::path find_checkpoint(const std::filesystem::path& run_folder,
                                      const std::string& which);
/// Returns the step in a checkpoint folder's name.
std::int64_t checkpoint_step(const std::filesystem::path& folder);

/// Reads a checkpoint and checks every checksum. @throws Error(Checkpoint) that names the file
CheckpointContents load_checkpoint(const std::filesystem::path& folder);
/// Reads only the model's tensors and the config; checks their checksums.
CheckpointContents load_checkpoint_model(const std::filesystem::path& folder);
/// Loads the newest checkpoint whose checksums hold, warning of each newer one that is damaged;
/// nothing when the run has none.
/// @throws Error(Checkpoint) when there are checkpoints and none of them is whole
std::optional<CheckpointContents> load_newest_checkpoint(const std::filesystem::path& run_folder);
/// Re-reads every checksum and returns a description for `inspect`. @throws Error(Checkpoint)
std::string verify_checkpoint(const std::filesystem::path& folder);

}  // namespace longspan
