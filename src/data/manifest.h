#pragma once

#include <cstdint>
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
/// Returns a whole number that a manifest must hold under a key. A fraction, or what no int64
/// holds, is an Error(Data), where Json's own conversion makes something of it. @throws
/// Json::exception
std::int64_t whole_number(const Json& object, const char* key);
/// Reads a manifest; checks its format and digest, not the shards. @throws Error(Data)
Json read_manifest(const std::filesystem::path& folder);

}  // namespace longspan
