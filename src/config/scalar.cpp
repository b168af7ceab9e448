// Reads and writes single values. Only the decimal forms of YAML 1.2 are numbers: the library would
// read 010 as 8 for an integer and as 10 for a double. Written numbers read back to the same bits.
#include "config/scalar.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <system_error>

#include "longspan/core/error.h"

namespace longspan::config {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::size_t take_digits(std::string_view& text) {
  std::size_t count = 0;
  while (count < text.size() && is_digit(text[count])) ++count;
  text.remove_prefix(count);
  return count;
}

void take_sign(std::string_view& text) {
  if (!text.empty() && (text.front() == '+' || text.front() == '-')) text.remove_prefix(1);
}

// [sign] digits [. digits] [e [sign] digits], at least one digit, no needless leading zero.
bool is_number_form(std::string_view text) {
  take_sign(text);
  const bool leading_zero = text.size() > 1 && text[0] == '0' && is_digit(text[1]);
  std::size_t digits = take_digits(text);
  if (!text.empty() && text.front() == '.') {
    text.remove_prefix(1);
    digits += take_digits(text);
  }
  if (digits == 0 || leading_zero) return false;
  if (!text.empty() && (text.front() == 'e' || text.front() == 'E')) {
    text.remove_prefix(1);
    take_sign(text);
    if (take_digits(text) == 0) return false;
  }
  return text.empty();
}

template <class Value>
std::optional<Value> convert(std::string_view text) {
  if (text.front() == '+') text.remove_prefix(1);
  Value value{};
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

template <class Value>
std::string shortest(Value value) {
  char buffer[32];
  const auto [end, failure] = std::to_chars(buffer, buffer + sizeof(buffer), value);
  check(failure == std::errc(), ErrorKind::Internal, "a number did not fit its buffer");
  return std::string(buffer, end);
}

std::string limits_text(const std::string& low, const char* low_word, const std::string& high,
                        const char* high_word) {
  const bool inclusive =
      low_word == std::string_view("at least ") && high_word == std::string_view("at most ");
  if (!low.empty() && !high.empty() && inclusive) return concat("between ", low, " and ", high);
  if (!low.empty() && !high.empty()) return concat(low_word, low, " and ", high_word, high);
  return low.empty() ? (high.empty() ? "" : high_word + high) : low_word + low;
}

bool is_plain_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) ||
         std::string_view("_/.+-").find(c) != std::string_view::npos;
}

bool has_plain_characters(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_plain_character);
}

// Words that this reader or another YAML reader takes for something else than a text.
bool is_reserved(std::string_view text) {
  std::string lower;
  for (const char c : text) lower += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  for (const char* word : {"null", "true", "false", "yes", "no", "on", "off", "y", "n"}) {
    if (lower == word) return true;
  }
  return false;
}

template <class Value>
std::string to_yaml_list(const std::vector<Value>& values) {
  std::string text;
  for (const Value& value : values) text += (text.empty() ? "" : ", ") + to_yaml(value);
  return "[" + text + "]";
}

}  // namespace

std::string quote(std::string_view text) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string quoted = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (byte < 0x20 || byte == 0x7F) {
      quoted += "\\x";
      quoted += kDigits[byte >> 4];
      quoted += kDigits[byte & 15];
    } else {
      quoted += c;
    }
  }
  return quoted + '"';
}

bool is_integer_form(std::string_view text) {
  return is_number_form(text) && text.find_first_of(".eE") == std::string_view::npos;
}

std::optional<std::int64_t> parse_integer(std::string_view text) {
  if (!is_integer_form(text)) return std::nullopt;
  return convert<std::int64_t>(text);
}

std::optional<double> parse_number(std::string_view text) {
  if (!is_number_form(text)) return std::nullopt;
  return convert<double>(text);
}

bool holds(const IntegerRange& range, std::int64_t value) {
  return value >= range.low && value <= range.high;
}

bool holds(const NumberRange& range, double value) {
  return value >= range.low && value <= range.high && (!range.above || value > *range.above) &&
         (!range.below || value < *range.below);
}

std::string to_text(const IntegerRange& range) {
  using Limits = std::numeric_limits<std::int64_t>;
  return limits_text(range.low == Limits::min() ? "" : shortest(range.low), "at least ",
                     range.high == Limits::max() ? "" : shortest(range.high), "at most ");
}

std::string to_text(const NumberRange& range) {
  using Limits = std::numeric_limits<double>;
  const std::string low = range.low == Limits::lowest() ? "" : shortest(range.low);
  const std::string high = range.high == Limits::max() ? "" : shortest(range.high);
  const bool above = range.above && *range.above >= range.low;
  const bool below = range.below && *range.below <= range.high;
  return limits_text(above ? shortest(*range.above) : low, above ? "above " : "at least ",
                     below ? shortest(*range.below) : high, below ? "below " : "at most ");
}

std::string to_yaml(double value) {
  check(std::isfinite(value), ErrorKind::Internal, "a number of a config must be finite");
  return shortest(value);
}

std::string to_yaml(std::int64_t value) { return shortest(value); }
std::string to_yaml(bool value) { return value ? "true" : "false"; }

std::string to_yaml(std::string_view text) {
  const bool plain = has_plain_characters(text) && !is_digit(text.front()) &&
                     std::string_view(".+-").find(text.front()) == std::string_view::npos;
  return plain && !is_reserved(text) ? std::string(text) : quote(text);
}

std::string to_yaml(const std::vector<std::int64_t>& values) { return to_yaml_list(values); }
std::string to_yaml(const std::vector<std::string>& values) { return to_yaml_list(values); }

std::string to_flow(const Node& node) {
  if (node.kind == Node::Kind::Null) return "null";
  if (node.kind == Node::Kind::Scalar) {
    // Characters outside the plain set occur in texts only, so quoting them changes no type.
    const bool plain = !node.quoted && has_plain_characters(node.text) && node.text.front() != '-';
    const bool number = !node.quoted && parse_number(node.text).has_value();
    return plain || number ? node.text : quote(node.text);
  }
  std::string flow;
  for (const auto& item : node.items) flow += (flow.empty() ? "" : ", ") + to_flow(*item);
  for (const Entry& entry : node.entries) {
    flow += concat(flow.empty() ? "" : ", ", to_yaml(std::string_view(entry.key)), ": ",
                   to_flow(*entry.value));
  }
  return node.kind == Node::Kind::List ? "[" + flow + "]" : "{" + flow + "}";
}

}  // namespace longspan::config
