#pragma once

#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <string>

#include "longspan/core/error.h"

namespace longspan::cli {

// CLI::PositiveNumber and CLI::NonNegativeNumber write the largest double, all its 309 digits, into
// their errors, and CLI::Range says "not in range" of what is no number.

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

/// Refuses what is not a whole number of at least `low` and at most `high`.
inline CLI::Validator whole_number(std::int64_t low, std::int64_t high) {
  const std::string range = concat(low, " to ", high);
  return {
      [low, high, range](std::string& text) {
        std::int64_t value = 0;
        const char* const end = text.data() + text.size();
        const auto [stop, failure] = std::from_chars(text.data(), end, value);
        const bool is_in = failure == std::errc() && stop == end && low <= value && value <= high;
        return is_in ? std::string() : concat("must be a whole number, ", range, ", got ", text);
      },
      range};
}

/// Refuses what is not a number from 0 to 1.
inline CLI::Validator fraction() {
  return {[](std::string& text) {
            double value = 0;
            return read_number(text, value) && value >= 0 && value <= 1
                       ? std::string()
                       : "must be a number from 0 to 1, got " + text;
          },
          "0 to 1"};
}

}  // namespace longspan::cli
