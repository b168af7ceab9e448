// A file of ids without an index: llm.c's header, or none.
#include "data/token_file_set.h"
#include "fuzz/memory_file.h"
#include "fuzz/target.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace longspan;
  static fuzz::MemoryFile file;
  const auto path = file.hold(fuzz::text_of(data, size));
  for (const TokenFormat format : {TokenFormat::Auto, TokenFormat::NanoGpt, TokenFormat::LlmC})
    fuzz::accept_or_refuse([&] {
      TokenFile opened = open_token_file(path, format);
      const std::int64_t count = opened.layout.num_tokens;
      const std::int64_t largest = scan_token_file(opened, 60000).largest_id;
      std::vector<std::int64_t> ids(static_cast<std::size_t>(count));
      TokenFileSet({std::move(opened)}, largest + 1).copy(0, count, ids.data());
    });
  return 0;
}
