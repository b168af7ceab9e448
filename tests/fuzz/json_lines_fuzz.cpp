// A block of JSON lines: its records, and the same as lines.
#include "data/json_lines.h"
#include "data/lines.h"
#include "fuzz/target.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace longspan;
  return fuzz::accept_or_refuse([&] {
    TextBlock block;
    block.path = "input.jsonl";
    block.text_key = "text";
    block.text = fuzz::text_of(data, size);
    check_utf8(block, 0);
    std::int64_t lines = 0, bytes = 0;
    for_each_record(block, 0, [&](std::string_view text) {
      lines += count_lines(text);
      bytes += static_cast<std::int64_t>(text.size());
    });
    read_block(block, 0);
    if (count_lines(block.text) != lines || block.bytes != bytes)
      throw std::logic_error("the lines of a block must be those of its records");
    check_utf8(block, 0);
  });
}
