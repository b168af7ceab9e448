#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace longspan {

/// Returns folder / name for a name that came out of a file; nothing when it leads out of the
/// folder: when it is empty or absolute, has a part "." or "..", or passes a symbolic link to
/// elsewhere. Whether something stands there is not looked at.
std::optional<std::filesystem::path> path_inside(const std::filesystem::path& folder,
                                                 const std::string& name);

}  // namespace longspan
