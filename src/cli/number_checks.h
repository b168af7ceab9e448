#pragma once

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <limits>
#include <string>

namespace longspan::cli {

// CLI::PositiveNumber and CLI::NonNegativeNumber write the largest double, all its 309 digits, into
// their errors.

/// Returns whether a text is a finite number, and which.
inline bool read_number(const std::string& text, double& value) {
  char* end = nullptr;
  value = std::strtod(text.c_str(), &end);
  return end != text.c_str() && *end == '\0' && value <= std::numeric_limits<double>::max();
}

/// Refuses what is not a finite number above zero.
inline CLI::Validator positive_number() {
  return {[](std::string& text) {
            double value = 0;
            return read_number(text, value) && value > 0 ? std::string()
                                                         : "must be a number above 0, got " + text;
          },
          "above 0"};
}

/// Refuses what is not a finite number of at least zero. An unsigned option needs it too: CLI11
/// reads -1 as the largest.
inline CLI::Validator number_from_zero() {
  return {[](std::string& text) {
            double value = 0;
            return read_number(text, value) && value >= 0
                       ? std::string()
                       : "must be a number of at least 0, got " + text;
          },
          "at least 0"};
}

}  // namespace longspan::cli
