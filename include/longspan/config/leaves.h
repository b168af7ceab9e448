#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace longspan::config {

/// A value by its dotted path, as YAML flow text.
using Leaf = std::pair<std::string, std::string>;

/// Returns the values of a text that Document::resolved() printed, in its order. A list is one
/// value. @param name stands for the file in errors @throws Error(Config) for text that is no map
std::vector<Leaf> leaves(std::string_view resolved, const std::string& name);

}  // namespace longspan::config
