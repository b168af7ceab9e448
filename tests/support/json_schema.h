#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "config/node.h"
#include "longspan/core/json.h"

namespace longspan::testing {

/// Returns why a value is not valid by a JSON Schema, with its place; nothing when it is. Knows the
/// words of draft 7 that longspan's schemas use, and throws std::logic_error for any other.
std::optional<std::string> violation(const Json& schema, const Json& value,
                                     const std::string& place = "");

/// Returns the schema that a YAML file's first line names to editors; empty when it names none.
std::filesystem::path schema_named_by(const std::filesystem::path& yaml);

/// Returns a YAML text as an editor takes it: plain scalars by YAML 1.2's core schema.
Json json_of_yaml(std::string_view text);

}  // namespace longspan::testing
