// Opens what prepare wrote. Opening checks everything but the ids; streams check those when they
// first read them, and verify() reads all.
#include <algorithm>
#include <utility>

#include "data/document_table.h"
#include "data/manifest.h"
#include "data/origin.h"
#include "data/shard_set.h"
#include "data/token_split.h"
#include "data/tokenizer_files.h"
#include "longspan/core/error.h"
#include "longspan/core/hash.h"
#include "longspan/core/log.h"

namespace longspan {
namespace {

// Shards whose headers are checked before anything is read, of all splits: up to 17 billion tokens.
constexpr std::size_t kCheckedAtOnce = 1024;

TextCounts read_counts(const Json& split) {
  return {whole_number(split, "lines"), whole_number(split, "words"), whole_number(split, "bytes"),
          split.contains("unknown") ? whole_number(split, "unknown") : 0};
}

// @param left how many shards may still be opened at once
std::shared_ptr<const StoredTokens> open_shards(const std::filesystem::path& folder,
                                                const Json& manifest, const Json& split,
                                                std::size_t& left) {
  const auto name = split.at("name").get<std::string>();
  auto shards =
      std::make_shared<const ShardSet>(folder, ShardList::read(folder, name, split.at("shards")),
                                       whole_number(manifest, "bytes_per_token"));
  left -= shards->open_first(left);
  return shards;
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
  std::shared_ptr<const StoredTokens> tokens;
  std::shared_ptr<const DocumentTable> documents;  ///< null where they are not known
};

ShardFolder ShardFolder::open(const std::filesystem::path& folder) {
  const Json manifest = read_manifest(folder);
  ShardFolder opened;
  opened.folder_ = folder;
  opened.manifest_text_ = manifest.dump(2);
  try {
    opened.tokenizer_ = load_matching_tokenizer(folder, manifest);
    std::size_t left = kCheckedAtOnce;
    for (const Json& split : manifest.at("splits")) {
      const auto name = split.at("name").get<std::string>();
      Split opening{name, read_counts(split),
                    is_token_split(split) ? open_token_split(split, opened.tokenizer_->vocab_size())
                                          : open_shards(folder, manifest, split, left),
                    nullptr};
      if (split.contains("documents"))
        opening.documents =
            DocumentTable::read(folder, split.at("documents"), opening.tokens->size());
      opened.splits_.push_back(std::make_shared<const Split>(std::move(opening)));
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

TokenStream ShardFolder::stream(const std::string& split) const {
  return TokenStream(find_split(split).tokens);
}

std::shared_ptr<const DocumentTable> ShardFolder::documents(const std::string& name) const {
  const Split& split = find_split(name);
  check(split.documents != nullptr, ErrorKind::Data, folder_.string(), ": where the documents of ",
        name,
        " begin must be known for data.document_bounds, and is known of texts and of Megatron's "
        "token files, in folders of this version; prepare into another data.shards, or set "
        "data.document_bounds to none");
  if (split.documents->count() == 1)
    log::warn(
        "a split is one document, so that documents bound nothing in it; records of JSON lines "
        "and files are documents",
        {{"split", name}, {"shards", folder_.string()}});
  return split.documents;
}

TextCounts ShardFolder::counts(const std::string& split) const { return find_split(split).counts; }

std::string ShardFolder::fingerprint(DocumentBounds bounds) const {
  Hasher hasher;
  hasher.update(tokenizer_->fingerprint());
  for (const auto& split : splits_) {
    hasher.update(concat('\n', split->name, ' ', split->tokens->size()));
    split->tokens->describe_to(hasher);
    if (bounds != DocumentBounds::None && split->documents)
      hasher.update(split->documents->digest());
  }
  return hasher.digest();
}

void ShardFolder::verify() const {
  for (const auto& split : splits_) {
    split->tokens->verify();
    if (split->documents) split->documents->verify();
  }
}

std::string ShardFolder::describe() const { return manifest_text_; }

Json ShardFolder::origin() const {
  return origin_of(parse_json(manifest_text_, (folder_ / kManifestFile).string()));
}

}  // namespace longspan
