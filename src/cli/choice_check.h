#pragma once

#include <CLI/CLI.hpp>
#include <algorithm>
#include <string>
#include <vector>

#include "longspan/config/nearest.h"

namespace longspan::cli {

/// Refuses what is none of the names. They stand in the help, where completion finds them, as
/// "{a,b}".
inline CLI::Validator one_of(const std::vector<std::string>& names) {
  std::string listed;
  for (const std::string& name : names) listed += (listed.empty() ? "{" : ",") + name;
  return {[names](std::string& text) {
            if (std::find(names.begin(), names.end(), text) != names.end()) return std::string();
            const std::string near = config::nearest(text, names);
            return "must be one of " + config::join(names) + ", got " + text +
                   (config::is_near(text, near) ? "; did you mean " + near + "?" : "");
          },
          listed + "}"};
}

}  // namespace longspan::cli
