#pragma once

#include <filesystem>
#include <string>

#include "longspan/core/json.h"

namespace longspan::cli {

/// Compares the configurations of two runs key by key, defaults included: each run's is that of its
/// newest checkpoint, before the first its own. A file is a configuration itself.
/// @throws Error(Config), Error(Io)
Json inspect_diff(const std::filesystem::path& left, const std::filesystem::path& right);
/// Returns what inspect_diff() found as text.
std::string describe_diff(const Json& diff);

}  // namespace longspan::cli
