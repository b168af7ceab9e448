#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "data/text_blocks.h"

namespace longspan {

/// Returns whether a file has a JSON object a line, by its name: .jsonl, .ndjson or .json, with .gz
/// or .zst behind it or not.
bool has_json_lines(const std::string& path);

/// Calls take with the text of each record of a block of JSON lines; lines of blanks are none.
/// @param lines_before of the file  @throws Error(Data) that names the line
void for_each_record(const TextBlock& block, std::int64_t lines_before,
                     const std::function<void(std::string_view)>& take);

/// Checks a block to be UTF-8, and puts the lines of its records' texts in the place of records. As
/// if each record were a file, its last line ends. A block that is refused keeps its text.
/// @param lines_before of the file  @throws Error(Data) that names the line
void read_block(TextBlock& block, std::int64_t lines_before);

}  // namespace longspan
