#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace longspan {

/// A line of a file of JSON lines, for errors.
struct JsonLine {
  std::string_view file;
  std::int64_t number = 0;  ///< from 1
};

/// Returns the text under a key of a JSON object, and builds nothing else of it.
/// @throws Error(Data) that names file, line and column for what is no JSON, and file and line
/// where it is no object, or the key is not there, is there twice or has no text
std::string json_text_of(std::string_view object, std::string_view key, const JsonLine& line);

}  // namespace longspan
