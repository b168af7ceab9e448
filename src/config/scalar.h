#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "config/node.h"
#include "longspan/config/reader.h"

namespace longspan::config {

/// Returns the integer that a plain scalar spells; nothing when it spells none that fits 64 bits.
std::optional<std::int64_t> parse_integer(std::string_view text);
/// Returns the finite number that a plain scalar spells.
std::optional<double> parse_number(std::string_view text);
/// Returns whether text has the form of a decimal integer, of any size.
bool is_integer_form(std::string_view text);

/// Returns whether the range holds the value.
bool holds(const IntegerRange& range, std::int64_t value);
bool holds(const NumberRange& range, double value);
/// Returns what the range asks for: "between 1 and 8", "at least 1", "above 0 and below 1"; empty
/// when all.
std::string to_text(const IntegerRange& range);
std::string to_text(const NumberRange& range);

/// Returns YAML text that reads back to the same value.
std::string to_yaml(double value);
std::string to_yaml(std::int64_t value);
std::string to_yaml(bool value);
/// Quotes the text when a plain scalar would read as something else.
std::string to_yaml(std::string_view text);
std::string to_yaml(const char*) = delete;  // would read as bool
std::string to_yaml(const std::vector<std::int64_t>& values);
std::string to_yaml(const std::vector<std::string>& values);
/// Returns the text in double quotes, in one line.
std::string quote(std::string_view text);
/// Returns a whole value as flow text, each scalar of the kind (plain or quoted) that it was.
std::string to_flow(const Node& node);

}  // namespace longspan::config
