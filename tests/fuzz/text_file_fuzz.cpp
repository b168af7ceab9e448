// A text file, compressed or not. Of a few bytes may come gigabytes: it stops after some.
#include "data/lines.h"
#include "data/text_blocks.h"
#include "fuzz/memory_file.h"
#include "fuzz/target.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace longspan;
  constexpr std::size_t kBlockBytes = 4096, kMaxLine = std::size_t{1} << 20;
  constexpr std::int64_t kEnough = std::int64_t{1} << 24;
  static fuzz::MemoryFile file;
  return fuzz::accept_or_refuse([&] {
    TextBlocks blocks({{file.hold(fuzz::text_of(data, size)).string()}}, {kBlockBytes, kMaxLine});
    std::int64_t lines = 0, bytes = 0, place = -1;
    while (const auto block = blocks.next()) {
      if (place >= 0 && block->place != place)
        throw std::logic_error("a block must follow the one before it");
      place = block->place + static_cast<std::int64_t>(block->text.size());
      if (block->text.empty()) throw std::logic_error("a block must not be empty");
      check_utf8(*block, lines);
      for_each_line(block->text, [&](std::string_view) { ++lines; });
      bytes += block->bytes;
      if (bytes > kEnough) break;
    }
  });
}
