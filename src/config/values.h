#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/node.h"
#include "longspan/config/reader.h"

namespace longspan::config {

/// Throws "place: path must be <what>, got <the value>".
[[noreturn]] void refuse_value(const Node& value, const std::string& what);

// Each conversion throws Error(Config) for another shape or type, or a value out of range. A
// fallback that is not null is accepted wherever it lies, so that a resolved file can be read
// again.
std::int64_t to_integer(const Node& value, const IntegerRange& range, const std::int64_t* fallback);
std::optional<std::int64_t> to_integer_or(const Node& value, std::string_view word,
                                          const IntegerRange& range, const std::int64_t* fallback);
double to_number(const Node& value, const NumberRange& range, const double* fallback);
bool to_boolean(const Node& value);
std::string to_word(const Node& value);
std::string to_choice(const Node& value, const std::vector<std::string>& names,
                      const std::string* fallback);
std::string to_path(const Node& value, const std::string* fallback);
std::vector<std::int64_t> to_integers(const Node& value, const IntegerRange& range);
std::vector<std::string> to_words(const Node& value);
std::vector<std::string> to_paths(const Node& value);

/// Returns a path with a relative one put behind folder.
std::string absolute_path(const std::filesystem::path& path, std::filesystem::path folder);

}  // namespace longspan::config
