#include "cli/position_changes.h"

#include <string_view>

#include "longspan/core/error.h"

namespace longspan::cli {
namespace {

constexpr std::string_view kSection = "position.";

void check_keeps_kind(std::string_view option, std::string_view key, std::string_view setting) {
  check(key != "kind", ErrorKind::Config, option,
        " must leave the kind that the weights were trained with, got ", setting,
        "; train a run of the other kind");
}

std::string_view key_of(std::string_view setting) { return setting.substr(0, setting.find('=')); }

}  // namespace

std::vector<std::string> take_position_changes(std::vector<std::string>& position,
                                               const std::vector<std::string>& settings) {
  std::vector<std::string> overrides;
  for (const auto& change : position) {
    check(change.find('=') != std::string::npos, ErrorKind::Config,
          "--position must be KEY=VALUE, as interpolation=4, got ", change);
    check_keeps_kind("--position", key_of(change), change);
    overrides.push_back(concat("--position ", change));
  }
  for (const auto& setting : settings) {
    check(!setting.starts_with('-'), ErrorKind::Config, "--set must be KEY=VALUE, got ", setting);
    overrides.push_back(setting);
    if (!setting.starts_with(kSection)) continue;
    const std::string change = setting.substr(kSection.size());
    check_keeps_kind("--set", key_of(change), setting);
    position.push_back(change);
  }
  return overrides;
}

}  // namespace longspan::cli
