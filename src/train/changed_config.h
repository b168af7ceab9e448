#pragma once

#include <string>

#include "longspan/train/trainer.h"
#include "train/progress.h"

namespace longspan {

/// What a run goes on with otherwise than it was saved with.
struct TakenUp {
  std::string text;            ///< what to say of it; empty where nothing changed
  bool changes_model = false;  ///< so that the saved weights stand for another function
};

/// Compares a run's configuration with the one that it was saved with, and forgets the best
/// validation where another measure is asked for.
/// @param saved the resolved text of the checkpoint  @param progress of the checkpoint
/// @throws Error(Config) that names each key which must not change and that options.allow_change
/// does not cover
TakenUp take_up_config(const std::string& saved, const RunConfig& config,
                       const TrainOptions& options, RunProgress& progress);
/// @throws Error(Config) for an entry of options.allow_change that covers no key
void check_allowed_changes(const RunConfig& config, const TrainOptions& options);

}  // namespace longspan
