#pragma once

#include <filesystem>
#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "data/shard_blocks.h"
#include "data/shard_list.h"
#include "data/token_source.h"

namespace longspan {

/// Of a split; a process may map some 65,000 files.
inline constexpr std::size_t kMostOpenShards = 8192;

/// The shards of one split. A shard is opened, which checks all of it but the ids, when it is first
/// read; the ones read last stay open.
class ShardSet final : public StoredTokens {
 public:
  ShardSet(std::filesystem::path folder, ShardList list, std::int64_t bytes_per_token,
           std::size_t most_open = kMostOpenShards);

  std::int64_t size() const override { return list_.num_tokens(); }
  void copy(std::int64_t begin, std::int64_t count, std::int64_t* out) const override;
  std::vector<TokenPlace> places(std::int64_t begin, std::int64_t count) const override;

  /// Opens the first shards. @return how many those are @throws Error(Data) that names the shard
  std::size_t open_first(std::size_t at_most) const;
  /// Reads every checksum of every shard.
  void verify() const override;
  void describe_to(Hasher& hasher) const override;

 private:
  struct Opened {
    std::filesystem::path path;
    std::shared_ptr<const MappedFile> file;
    std::span<const std::byte> ids;
    ShardBlocks blocks;
  };
  using Recent = std::list<std::pair<std::size_t, std::shared_ptr<const Opened>>>;

  std::shared_ptr<const Opened> opened(std::size_t shard) const;
  std::shared_ptr<const Opened> open(std::size_t shard) const;
  std::filesystem::path path_of(std::size_t shard) const;
  /// Calls action(shard, its first id to read, how many) for each piece of [begin, begin + count).
  template <class Action>
  void for_pieces(std::int64_t begin, std::int64_t count, const Action& action) const;

  std::filesystem::path folder_;
  ShardList list_;
  std::int64_t bytes_per_token_;
  std::size_t most_open_;
  mutable std::mutex mutex_;
  mutable Recent recent_;  // open, the one read last in front
  mutable std::unordered_map<std::size_t, Recent::iterator> open_;
};

}  // namespace longspan
