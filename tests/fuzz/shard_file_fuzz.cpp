// One shard: its header against the file, its blocks against their checksums.
#include "data/shard_blocks.h"
#include "fuzz/memory_file.h"
#include "fuzz/target.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace longspan;
  static fuzz::MemoryFile file;
  const auto path = file.hold(fuzz::text_of(data, size));
  return fuzz::accept_or_refuse([&] {
    const auto mapped = std::make_shared<const MappedFile>(path);
    const ShardHeader header = read_shard_header(*mapped, path);
    const auto bytes = static_cast<std::size_t>(header.num_tokens * header.bytes_per_token);
    if (shard_payload(*mapped, header).size() != bytes)
      throw std::logic_error("a shard must hold the tokens that its header counts");
    ShardBlocks(path, mapped, header).check_tokens(0, header.num_tokens);
  });
}
