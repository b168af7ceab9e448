#pragma once

#include "train/workspace.h"

namespace longspan {

/// Writes a run's config.yaml and environment.json. @throws Error(Io)
void write_description(const Workspace& work, const TrainOptions& options);
/// Logs what is about to train, and by which paths.
void log_description(const Workspace& work, const TrainOptions& options);

}  // namespace longspan
