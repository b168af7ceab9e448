// manifest.json of a shard folder, with the digest that it must have, over one shard of bytes.
#include <vector>

#include "data/manifest.h"
#include "data/shard_file.h"
#include "fuzz/memory_file.h"
#include "fuzz/target.h"
#include "longspan/core/hash.h"
#include "longspan/data/shards.h"

namespace longspan::fuzz {
namespace {

const MemoryFolder& shard_folder() {
  static const MemoryFolder folder;
  static const bool made = [] {
    const std::vector<std::byte> payload{std::byte{104}, std::byte{0}, std::byte{105},
                                         std::byte{0}};
    Hasher hasher;
    hasher.update(payload);
    write_shard(folder.path() / "train-00000.bin", {2, 2, 0, hasher.digest()}, payload);
    TokenizerConfig config;
    config.kind = TokenizerKind::Bytes;
    std::filesystem::create_directory(folder.path() / "tokenizer");
    build_tokenizer(config, {})->save(folder.path() / "tokenizer");
    return true;
  }();
  if (!made) throw std::logic_error("the shard must be made");
  return folder;
}

}  // namespace
}  // namespace longspan::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace longspan;
  const auto& folder = fuzz::shard_folder();
  return fuzz::accept_or_refuse([&] {
    const Json manifest = parse_json(fuzz::text_of(data, size), "input");
    if (!manifest.is_object()) return;
    write_manifest(folder.path(), manifest);
    const ShardFolder shards = ShardFolder::open(folder.path());
    for (const std::string& split : shards.splits()) {
      const TokenStream stream = shards.stream(split);
      std::vector<std::int64_t> ids(static_cast<std::size_t>(stream.size()));
      stream.copy(0, stream.size(), ids.data());
      shards.counts(split);
    }
    shards.verify();
  });
}
