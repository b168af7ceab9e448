#pragma once

#include <string_view>

#include "train/workspace.h"

namespace longspan {

/// The file of a run's folder that says where its tokens came from.
inline constexpr std::string_view kOriginFile = "data.json";

/// Writes a run's config.yaml, environment.json and data.json. @throws Error(Io)
void write_description(const Workspace& work, const TrainOptions& options);
/// Logs what is about to train, and by which paths.
void log_description(const Workspace& work, const TrainOptions& options);

}  // namespace longspan
