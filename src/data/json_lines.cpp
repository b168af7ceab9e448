// Names tell JSON lines, since a plain text may begin with a brace, too.
#include "data/json_lines.h"

#include <exception>
#include <utility>

#include "data/lines.h"
#include "longspan/core/error.h"
#include "longspan/core/json_text.h"

namespace longspan {
namespace {

std::string text_of(std::string_view record, const TextBlock& block, std::int64_t line) {
  try {
    return json_text_of(record, block.text_key, {block.path, line});
  } catch (const Error& cause) {
    std::throw_with_nested(
        Error(ErrorKind::Data,
              concat(cause.what(),
                     "; a file named .json, .jsonl or .ndjson has an object a line, with "
                     "its text under the key that data.text_key names")));
  }
}

}  // namespace

bool has_json_lines(const std::string& path) {
  std::string_view name = path;
  for (const std::string_view end : {".gz", ".zst"})
    if (name.ends_with(end)) {
      name.remove_suffix(end.size());
      break;
    }
  return name.ends_with(".jsonl") || name.ends_with(".ndjson") || name.ends_with(".json");
}

void for_each_record(const TextBlock& block, std::int64_t lines_before,
                     const std::function<void(std::string_view)>& take) {
  std::int64_t line = lines_before;
  for_each_line(block.text, [&](std::string_view record) {
    ++line;
    if (record.find_first_not_of(" \t") != std::string_view::npos)
      take(text_of(record, block, line));
  });
}

void read_block(TextBlock& block, std::int64_t lines_before) {
  check_utf8(block, lines_before);
  if (block.text_key.empty()) return;
  std::string lines;
  std::int64_t bytes = 0;
  block.records.clear();
  for_each_record(block, lines_before, [&](std::string_view text) {
    bytes += static_cast<std::int64_t>(text.size());
    block.records.push_back(lines.size());
    for_each_line(text, [&](std::string_view line) { lines.append(line) += '\n'; });
  });
  block.file_lines = count_lines(block.text);
  block.text = std::move(lines);
  block.bytes = bytes;
}

}  // namespace longspan
