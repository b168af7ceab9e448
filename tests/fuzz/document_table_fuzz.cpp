// The list of a split's documents, with the digest and the count that the manifest must give, and
// the blocks that are cut from it.
#include "data/document_table.h"
#include "fuzz/memory_file.h"
#include "fuzz/target.h"
#include "longspan/core/hash.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace longspan;
  constexpr std::int64_t kTokens = 1000, kSeqLen = 7;
  static const fuzz::MemoryFolder folder;
  const std::string_view table = fuzz::text_of(data, size);
  folder.write("train.documents", table);
  const Json documents{{"table", "train.documents"},
                       {"count", size < 16 ? 0 : (size - 16) / 8},
                       {"digest", hash_of(table)}};
  return fuzz::accept_or_refuse([&] {
    const auto read = DocumentTable::read(folder.path(), documents, kTokens);
    const DocumentCut cut(read, kSeqLen);
    std::int64_t token = 0;
    for (std::int64_t i = 0; i < cut.num_blocks(); ++i) {
      const auto block = cut.block(i);
      if (block.begin != token || block.count < 1 || block.count > kSeqLen)
        throw std::logic_error("blocks must follow one another");
      token += block.count;
      if (read->of_token(block.begin) != read->of_token(token - 1))
        throw std::logic_error("a block must be of one document");
    }
    if (token != kTokens) throw std::logic_error("blocks must hold all tokens");
  });
}
