#pragma once

#include <string>
#include <vector>

namespace longspan::cli {

/// Returns the overrides that --position and --set make together, as config::Document takes them.
/// Results name the keys of the
/// position section that were changed, however that was said: `position` gets those of --set.
/// @param position KEY=VALUE of the position section each  @throws Error(Config)
std::vector<std::string> take_position_changes(std::vector<std::string>& position,
                                               const std::vector<std::string>& settings);

}  // namespace longspan::cli
