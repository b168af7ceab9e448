#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "longspan/core/json.h"

namespace longspan::cli {

/// Says which tokens a step of a run was trained on, or will be: its sequences with their blocks,
/// the files and bytes where those lie, and their text. Nothing is trained; the shards are read.
/// @param step from 1, as metrics.jsonl counts  @param overrides of the run's configuration
/// @throws Error(Config) for a folder that is no run or a step that it does not have; Error(Data)
/// for shards that are not the run's
Json inspect_step(const std::filesystem::path& run, std::int64_t step,
                  const std::vector<std::string>& overrides);
/// Returns what inspect_step() says for people to read, fit for a terminal.
std::string describe_step(const Json& step);

}  // namespace longspan::cli
