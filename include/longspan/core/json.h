#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace longspan {

/// JSON with keys in the order of insertion. Doubles are printed so that they read back to the same
/// bits.
using Json = nlohmann::ordered_json;

/// Parses text. @throws Error(Data) that names source, line and column
Json parse_json(std::string_view text, const std::string& source);
/// Returns a document in one line, with texts that are no UTF-8 as escaped() has them.
std::string json_line(const Json& document);
/// Reads a file to parse, whose size is bounded. @throws Error(Io) or Error(Data) that names the
/// path
std::string read_json_text(const std::filesystem::path& path);
/// Reads and parses a file. @throws Error(Io) or Error(Data) that names the path
Json read_json(const std::filesystem::path& path);
/// Writes a document durably (write_file_durably), indented by two spaces, with a final newline.
void write_json(const std::filesystem::path& path, const Json& document);

}  // namespace longspan
