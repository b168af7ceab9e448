// Numbers as text, for the page, the plots and the data files.
#include "report/numbers.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "longspan/core/error.h"

namespace longspan::report {
namespace {

constexpr const char* kNarrowSpace = "\u202f";

// Of a number's digits before the point.
std::string group_digits(const std::string& digits) {
  const std::size_t point = std::min(digits.find('.'), digits.size());
  std::string text;
  for (std::size_t i = 0; i < point; ++i) {
    if (i > 0 && (point - i) % 3 == 0 && digits[i - 1] != '-') text += kNarrowSpace;
    text += digits[i];
  }
  return text + digits.substr(point);
}

// Of a perplexity of about four significant digits.
int decimals_of(double value) {
  if (value < 10.0) return 3;
  if (value < 100.0) return 2;
  return value < 1000.0 ? 1 : 0;
}

struct Unit {
  double size;
  const char* letter;
};
constexpr Unit kUnits[] = {{1e12, "T"}, {1e9, "B"}, {1e6, "M"}, {1e3, "k"}, {1.0, ""}};

std::string without_trailing_zeros(std::string text) {
  if (text.find('.') == std::string::npos) return text;
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text;
}

}  // namespace

std::string exact(double value) {
  if (!std::isfinite(value)) return "NaN";
  std::array<char, 32> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
  return {buffer.data(), end};
}

std::string fixed(double value, int decimals) {
  std::array<char, 400> buffer;  // the largest double has 309 digits
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                 std::chars_format::fixed, decimals)
                       .ptr;
  return {buffer.data(), end};
}

std::string perplexity(double value) {
  if (!std::isfinite(value)) return "not finite";
  if (value < 1e7) return group_digits(fixed(value, decimals_of(value)));
  std::array<char, 32> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                 std::chars_format::scientific, 2)
                       .ptr;
  return {buffer.data(), end};
}

std::string signed_nats(double value) {
  if (!std::isfinite(value)) return "not finite";
  return (value < 0.0 ? "\u2212" : "+") + fixed(std::abs(value), 4);
}

std::string probability(double value) {
  if (!std::isfinite(value)) return "not finite";
  if (value < 1e-9) return "< 1e-9";
  std::array<char, 32> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                 std::chars_format::general, 2)
                       .ptr;
  return {buffer.data(), end};
}

std::string byte_size(double bytes) {
  const double mebibytes = bytes / (1 << 20);
  if (mebibytes < 1024.0) return fixed(mebibytes, mebibytes < 10.0 ? 1 : 0) + " MiB";
  const double gibibytes = mebibytes / 1024.0;
  return fixed(gibibytes, gibibytes < 100.0 ? 1 : 0) + " GiB";
}

std::string ratio(double value) {
  if (value >= 100.0) return scaled(std::round(value));
  return fixed(value, value < 10.0 ? 2 : 1);
}

std::string grouped(std::int64_t value) { return group_digits(std::to_string(value)); }

std::string grouped(double value, int decimals) { return group_digits(fixed(value, decimals)); }

std::string rounded(double value) {
  if (!std::isfinite(value)) return "not finite";
  for (const Unit& unit : kUnits) {
    const double scaled = value / unit.size;
    if (std::abs(scaled) < 0.9995) continue;  // which three digits make 1.00
    const int decimals = std::abs(scaled) < 9.995 ? 2 : std::abs(scaled) < 99.95 ? 1 : 0;
    return fixed(scaled, value == std::round(value) && unit.size == 1.0 ? 0 : decimals) +
           unit.letter;
  }
  return fixed(value, value == 0.0 ? 0 : 2);
}

std::string scaled(double value) {
  for (const Unit& unit : kUnits)
    if (std::abs(value) >= unit.size)
      return without_trailing_zeros(fixed(value / unit.size, 2)) + unit.letter;
  return without_trailing_zeros(fixed(value, 2));
}

std::string duration(double seconds) {
  if (seconds < 99.5) return fixed(seconds, seconds < 9.95 ? 1 : 0) + " s";
  const auto whole = static_cast<std::int64_t>(std::llround(seconds));
  if (whole < 3600) return concat(whole / 60, " min ", whole % 60, " s");
  return concat(grouped(whole / 3600), " h ", whole / 60 % 60, " min");
}

}  // namespace longspan::report
