#include "cli/position_changes.h"

#include <string_view>

#include "longspan/core/error.h"

namespace longspan::cli {

std::vector<std::string> take_position_changes(std::vector<std::string>& position,
                                               const std::vector<std::string>& settings) {
  constexpr std::string_view kSection = "position.";
  std::vector<std::string> overrides;
  for (const auto& change : position) {
    check(change.find('=') != std::string::npos, ErrorKind::Config,
          "--position must be KEY=VALUE, as interpolation=4, got ", change);
    overrides.push_back(concat(kSection, change));
  }
  for (const auto& setting : settings) {
    overrides.push_back(setting);
    if (setting.starts_with(kSection)) position.push_back(setting.substr(kSection.size()));
  }
  return overrides;
}

}  // namespace longspan::cli
