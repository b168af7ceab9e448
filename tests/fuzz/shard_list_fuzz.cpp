// The list of a split with many shards, with the digest and the count that the manifest must give.
#include "data/shard_list.h"
#include "fuzz/memory_file.h"
#include "fuzz/target.h"
#include "longspan/core/hash.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace longspan;
  static const fuzz::MemoryFolder folder;
  const std::string_view table = fuzz::text_of(data, size);
  folder.write("train.shards", table);
  const Json shards{{"table", "train.shards"},
                    {"count", size < 16 ? 0 : (size - 16) / 24},
                    {"digest", hash_of(table)}};
  return fuzz::accept_or_refuse([&] {
    const ShardList list = ShardList::read(folder.path(), "train", shards);
    std::int64_t sum = 0;
    for (std::size_t i = 0; i < list.size(); ++i) {
      if (list.first_token(i) != sum || list.shard_of(sum) != i)
        throw std::logic_error("the shards of a list must follow one another");
      sum += list.num_tokens(i);
    }
    if (list.num_tokens() != sum) throw std::logic_error("a list must have its shards' tokens");
  });
}
