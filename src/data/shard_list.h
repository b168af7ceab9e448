#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "data/shard_file.h"
#include "longspan/core/json.h"

namespace longspan {

/// The most shards of a split that stand in the manifest itself.
inline constexpr std::size_t kMostInManifest = 1024;

/// Returns the usual name of a shard.
std::string shard_name(const std::string& split, std::size_t number);

/// What is known of the shards of one split without opening them. A few stand in the manifest, many
/// in a table beside it, so that a million are listed at once and in 60 MiB.
class ShardList {
 public:
  explicit ShardList(std::string split) : split_(std::move(split)) {}

  /// Adds a shard of the usual name.
  void add(std::int64_t num_tokens, const Digest& digest);
  /// Returns what the manifest says of the shards; writes the table of many into the folder.
  /// @throws Error(Io)
  Json write(const std::filesystem::path& folder) const;
  /// Reads what write() returned. @throws Error(Data), Json::exception
  static ShardList read(const std::filesystem::path& folder, const std::string& split,
                        const Json& shards);

  std::size_t size() const { return ends_.size(); }
  std::int64_t num_tokens() const { return ends_.empty() ? 0 : ends_.back(); }
  /// Returns the place in the split of a shard's first token.
  std::int64_t first_token(std::size_t shard) const { return shard == 0 ? 0 : ends_[shard - 1]; }
  std::int64_t num_tokens(std::size_t shard) const { return ends_[shard] - first_token(shard); }
  const Digest& digest(std::size_t shard) const { return digests_[shard]; }
  /// Returns a shard's path in the folder, as whoever wrote the manifest gave it.
  std::string file(std::size_t shard) const;
  /// Returns the shard that holds a token. @param token in 0 .. num_tokens()-1
  std::size_t shard_of(std::int64_t token) const;

 private:
  void add_checked(std::int64_t num_tokens, const Digest& digest, const std::string& source);
  void read_entries(const Json& entries, const std::string& source);
  void read_table(const std::filesystem::path& folder, const Json& table);

  std::string split_;
  std::vector<std::int64_t> ends_;  // the place behind each shard's last token
  std::vector<Digest> digests_;
  std::vector<std::string> files_;  // none where all have the usual names
};

}  // namespace longspan
