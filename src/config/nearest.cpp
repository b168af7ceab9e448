// Finds what a misspelt name was meant to be. Swapped neighbours count as one slip.
#include "longspan/config/nearest.h"

#include <algorithm>
#include <cstddef>

namespace longspan::config {
namespace {

// Damerau-Levenshtein distance (optimal string alignment): row i of the table is left[0, i) against
// every prefix of right.
std::size_t edit_distance(std::string_view left, std::string_view right) {
  std::vector<std::size_t> before_last, last(right.size() + 1), row(right.size() + 1);
  for (std::size_t j = 0; j <= right.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= left.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= right.size(); ++j) {
      const std::size_t replaced = last[j - 1] + (left[i - 1] == right[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, replaced});
      if (i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1]) {
        row[j] = std::min(row[j], before_last[j - 2] + 1);
      }
    }
    before_last = last;
    last = row;
  }
  return last.back();
}

}  // namespace

std::string nearest(std::string_view name, const std::vector<std::string>& names) {
  const auto closer = [&](const std::string& a, const std::string& b) {
    return edit_distance(name, a) < edit_distance(name, b);
  };
  const auto found = std::min_element(names.begin(), names.end(), closer);
  return found == names.end() ? std::string() : *found;
}

bool is_near(std::string_view left, std::string_view right) {
  return 2 * edit_distance(left, right) <= std::max(left.size(), right.size());
}

bool is_very_near(std::string_view left, std::string_view right) {
  return 4 * edit_distance(left, right) <= std::max(left.size(), right.size());
}

std::string join(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

}  // namespace longspan::config
