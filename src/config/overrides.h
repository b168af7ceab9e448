#pragma once

#include <filesystem>
#include <string>

#include "config/node.h"

namespace longspan::config {

/// Sets the value that "dotted.key=YAML value", or "--section key=YAML value", gives, making the
/// maps on the way. What is there already is replaced whole. @throws Error(Config) for a malformed
/// override or one that goes into a list
void apply_override(Node& top, const std::string& given, const std::filesystem::path& folder);

}  // namespace longspan::config
