#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace longspan::config {

/// Returns the nearest of names by edit distance, the earlier of equals; empty when there are none.
std::string nearest(std::string_view name, const std::vector<std::string>& names);
/// Returns whether at most half of the letters differ.
bool is_near(std::string_view left, std::string_view right);
/// Returns whether at most a quarter of the letters differ.
bool is_very_near(std::string_view left, std::string_view right);
/// Returns "a, b, c".
std::string join(const std::vector<std::string>& names);

}  // namespace longspan::config
