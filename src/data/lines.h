#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace longspan {

/// Calls take with each line of a text that begins with one. Line breaks are \n, \r\n and a lone
/// \r; the last line need not have one.
template <class Take>
void for_each_line(std::string_view text, const Take& take) {
  while (!text.empty()) {
    const std::size_t newline = std::min(text.find('\n'), text.size());
    std::string_view segment = text.substr(0, newline);
    text.remove_prefix(std::min(newline + 1, text.size()));
    // A \r at the end belongs to the line break, or is the last one.
    if (segment.ends_with('\r')) segment.remove_suffix(1);
    for (std::size_t at = segment.find('\r'); at != std::string_view::npos;
         at = segment.find('\r')) {
      take(segment.substr(0, at));
      segment.remove_prefix(at + 1);
    }
    take(segment);
  }
}

/// Returns the number of lines that for_each_line() gives.
inline std::int64_t count_lines(std::string_view text) {
  std::int64_t lines = 0;
  for_each_line(text, [&](std::string_view) { ++lines; });
  return lines;
}

}  // namespace longspan
