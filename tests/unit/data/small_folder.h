#pragma once

#include <catch2/catch_test_macros.hpp>
#include <string>
#include <vector>

#include "data/manifest.h"
#include "data/shard_writer.h"
#include "data/tokenizer_files.h"
#include "longspan/data/shards.h"
#include "support/temporary_folder.h"
#include "unit/tokenizer/caught.h"

namespace longspan::testing {

/// A folder of byte shards: a train split of 13 tokens in shards of 5, a valid split of 2 in one.
class SmallFolder {
 public:
  explicit SmallFolder(std::int64_t bytes_per_token = 2) {
    TokenizerConfig config;
    config.kind = TokenizerKind::Bytes;
    const auto tokenizer = build_tokenizer(config, {});
    make_folder(path() / "tokenizer");
    tokenizer->save(path() / "tokenizer");
    manifest = {
        {"format", kShardsFormat},
        {"bytes_per_token", bytes_per_token},
        {"tokenizer",
         {{"fingerprint", tokenizer->fingerprint()},
          {"files", describe_tokenizer_files(path() / "tokenizer")}}},
        {"splits", {split("train", 13, bytes_per_token), split("valid", 2, bytes_per_token)}}};
    write_manifest(path(), manifest);
  }
  const std::filesystem::path& path() const { return folder_.path(); }
  std::string file(const std::string& name) const { return (path() / name).string(); }

  /// Returns what opening throws.
  std::string refused() const {
    const auto error = caught([&] { ShardFolder::open(path()); });
    CHECK(error.kind == ErrorKind::Data);
    return error.text;
  }

  Json manifest;

 private:
  Json split(const std::string& name, std::int32_t count, std::int64_t bytes_per_token) const {
    ShardWriter writer(path(), name, bytes_per_token, 5);
    std::vector<std::int32_t> ids;
    for (std::int32_t id = 0; id < count; ++id) ids.push_back(id * 3);
    writer.append(ids);
    CHECK(writer.num_tokens() == count);
    return {{"name", name}, {"tokens", count}, {"lines", 4},
            {"words", 6},   {"bytes", 8},      {"shards", writer.finish()}};
  }
  TemporaryFolder folder_;
};

/// Returns ids [begin, begin + count) of a stream.
inline std::vector<std::int64_t> read(const TokenStream& stream, std::int64_t begin,
                                      std::int64_t count) {
  std::vector<std::int64_t> ids(static_cast<std::size_t>(count));
  stream.copy(begin, count, ids.data());
  return ids;
}

}  // namespace longspan::testing
