// A SentencePiece model, and a line encoded and decoded with it.
#include <vector>

#include "fuzz/memory_file.h"
#include "fuzz/target.h"
#include "longspan/tokenizer/tokenizer.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace longspan;
  static fuzz::MemoryFile file;
  TokenizerConfig config;
  config.kind = TokenizerKind::SentencePiece;
  config.train = false;
  config.end_of_line = false;
  config.model = file.hold(fuzz::text_of(data, size)).string();
  return fuzz::accept_or_refuse([&] {
    const auto tokenizer = build_tokenizer(config, {});
    std::vector<std::int32_t> ids;
    tokenizer->encode_line("ab a \xEF\xAC\x81 \xE2\x85\xA7 b", ids);
    tokenizer->decode(ids);
  });
}
