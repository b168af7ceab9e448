// Opens what prepare wrote. Opening checks everything but the ids; streams check those when they
// first read them, and verify() reads all.
#include <algorithm>
#include <utility>

#include "data/manifest.h"
#include "data/shard_blocks.h"
#include "data/shard_file.h"
#include "data/token_storage.h"
#include "data/tokenizer_files.h"
#include "longspan/core/error.h"
#include "longspan/core/hash.h"
#include "longspan/core/inside.h"

namespace longspan {
namespace {

/// One shard, mapped.
struct Shard {
  std::filesystem::path path;
  std::string digest;
  std::span<const std::byte> payload;
  TokenSegment segment;
};

// Runs what reads a shard's file; where that fails, the shard is to blame.
template <class Work>
auto blaming_shard(const std::filesystem::path& path, const Work& work) {
  try {
    return work();
  } catch (const Error& cause) {
    if (cause.kind() != ErrorKind::Io) throw;
    std::throw_with_nested(Error(
        ErrorKind::Data,
        concat(path.string(), ": a shard must be readable, got: ", cause.what(), kPrepareAgain)));
  }
}

template <class Value>
void check_field(const std::filesystem::path& path, const char* field, const Value& expected,
                 const Value& found) {
  check(expected == found, ErrorKind::Data, path.string(), ": ", field, " of the shard must be ",
        expected, " as in the manifest, found ", found, kPrepareAgain);
}

/// @param first the place of the shard's first token in its split
Shard open_shard(const std::filesystem::path& folder, const Json& entry,
                 std::int64_t bytes_per_token, std::int64_t first) {
  const auto name = entry.at("file").get<std::string>();
  const auto inside = path_inside(folder, name);
  check(inside.has_value(), ErrorKind::Data, (folder / kManifestFile).string(),
        ": file must be a path inside the folder, got ", name, kPrepareAgain);
  const std::filesystem::path& path = *inside;
  const auto file = blaming_shard(path, [&] { return std::make_shared<const MappedFile>(path); });
  const ShardHeader header = blaming_shard(path, [&] { return read_shard_header(*file, path); });
  check_field(path, "the token count", entry.at("tokens").get<std::int64_t>(), header.num_tokens);
  check_field(path, "the digest", entry.at("digest").get<std::string>(), header.digest);
  check_field(path, "the first token", first, header.first_token);
  check_field(path, "bytes per token", bytes_per_token, header.bytes_per_token);
  const auto payload = shard_payload(*file, header);
  return {path, header.digest, payload,
          TokenSegment{file, payload.data(), header.bytes_per_token, first, header.num_tokens,
                       std::make_shared<const ShardBlocks>(path, file, header)}};
}

TextCounts read_counts(const Json& split) {
  return {split.at("lines").get<std::int64_t>(), split.at("words").get<std::int64_t>(),
          split.at("bytes").get<std::int64_t>(), split.value("unknown", std::int64_t{0})};
}

std::shared_ptr<const Tokenizer> load_matching_tokenizer(const std::filesystem::path& folder,
                                                         const Json& manifest) {
  check_tokenizer_files(folder / "tokenizer", manifest.at("tokenizer").at("files"));
  std::shared_ptr<const Tokenizer> tokenizer = load_tokenizer(folder / "tokenizer");
  const auto expected = manifest.at("tokenizer").at("fingerprint").get<std::string>();
  check(tokenizer->fingerprint() == expected, ErrorKind::Data, (folder / "tokenizer").string(),
        ": the tokenizer must be the one that made the shards, fingerprint ", expected, ", found ",
        tokenizer->fingerprint());
  return tokenizer;
}

}  // namespace

struct ShardFolder::Split {
  std::string name;
  TextCounts counts;
  std::vector<Shard> shards;
  TokenStream stream;
};

ShardFolder ShardFolder::open(const std::filesystem::path& folder) {
  const Json manifest = read_manifest(folder);
  ShardFolder opened;
  opened.folder_ = folder;
  opened.manifest_text_ = manifest.dump(2);
  try {
    opened.tokenizer_ = load_matching_tokenizer(folder, manifest);
    for (const Json& split : manifest.at("splits")) {
      std::vector<Shard> shards;
      auto storage = std::make_shared<TokenStream::Storage>();
      for (const Json& entry : split.at("shards")) {
        shards.push_back(open_shard(
            folder, entry, manifest.at("bytes_per_token").get<std::int64_t>(), storage->size));
        storage->segments.push_back(shards.back().segment);
        storage->size += shards.back().segment.count;
      }
      opened.splits_.push_back(std::make_shared<const Split>(
          Split{split.at("name").get<std::string>(), read_counts(split), std::move(shards),
                TokenStream(std::move(storage))}));
    }
  } catch (const Json::exception& cause) {
    std::throw_with_nested(Error(
        ErrorKind::Data, concat((folder / kManifestFile).string(),
                                ": must be the manifest of a shard folder, got: ", cause.what())));
  }
  return opened;
}

bool ShardFolder::exists(const std::filesystem::path& folder) {
  std::error_code failure;
  const bool found = std::filesystem::exists(folder / kManifestFile, failure);
  check(!failure, ErrorKind::Data, (folder / kManifestFile).string(),
        ": cannot tell whether a manifest is there: ", failure.message());
  return found;
}

std::vector<std::string> ShardFolder::splits() const {
  std::vector<std::string> names;
  for (const auto& split : splits_) names.push_back(split->name);
  return names;
}

const ShardFolder::Split& ShardFolder::find_split(const std::string& name) const {
  const auto found =
      std::ranges::find(splits_, name, [](const auto& split) { return split->name; });
  check(found != splits_.end(), ErrorKind::Data, folder_.string(),
        ": the shards must have a split named ", name,
        ", found none; name it in the data section and prepare into another data.shards");
  return **found;
}

TokenStream ShardFolder::stream(const std::string& split) const { return find_split(split).stream; }

TextCounts ShardFolder::counts(const std::string& split) const { return find_split(split).counts; }

std::string ShardFolder::fingerprint() const {
  Hasher hasher;
  hasher.update(tokenizer_->fingerprint());
  for (const auto& split : splits_) {
    hasher.update(concat('\n', split->name, ' ', split->stream.size()));
    for (const Shard& shard : split->shards) hasher.update(concat(' ', shard.digest));
  }
  return hasher.digest();
}

void ShardFolder::verify() const {
  for (const auto& split : splits_) {
    for (const Shard& shard : split->shards) {
      shard.segment.blocks->check_tokens(0, shard.segment.count);
      Hasher hasher;
      hasher.update(shard.payload);
      const std::string digest = hasher.digest();
      check(digest == shard.digest, ErrorKind::Data, shard.path.string(),
            ": the shard is damaged: its digest must be ", shard.digest, ", found ", digest,
            kPrepareAgain);
    }
  }
}

std::string ShardFolder::describe() const { return manifest_text_; }

}  // namespace longspan
