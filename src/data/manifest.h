#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "longspan/core/json.h"

namespace longspan {

inline constexpr std::string_view kShardsFormat = "longspan.shards/2";
inline constexpr std::string_view kManifestFile = "manifest.json";
/// What to do about a damaged folder; ends an error.
inline constexpr std::string_view kPrepareAgain = "; remove the folder and prepare it again";

/// Writes the manifest of a shard folder with a digest of itself. @throws Error(Io)
void write_manifest(const std::filesystem::path& folder, Json manifest);
/// Reads a manifest; checks its format and digest, not the shards. @throws Error(Data)
Json read_manifest(const std::filesystem::path& folder);

}  // namespace longspan
