#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "longspan/config/reader.h"
#include "longspan/core/json.h"

namespace longspan::config {

/// Returns the JSON Schema (draft 7) of the documents that a function reads: it is called with many
/// small ones, and all that it asks for is recorded. Every document that it takes is valid. One
/// that it refuses for what two keys demand of each other may be, unless one of them is `kind`.
/// @param read throws Error(Config) for a document that it does not take
/// @param start a JSON document that `read` takes once what is missing is given; in it stands what
/// keys demand of each other
/// @throws Error(Internal) when `read` takes none of them
Json json_schema(const std::function<void(const Reader&)>& read, std::string_view start,
                 std::string_view title);

/// Returns the dotted paths of a schema's values, in its order. Lists of maps are one value.
std::vector<std::string> leaves_of_schema(const Json& schema);

}  // namespace longspan::config
