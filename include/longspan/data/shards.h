#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "longspan/core/files.h"
#include "longspan/core/json.h"
#include "longspan/data/text.h"
#include "longspan/data/token_files.h"
#include "longspan/tokenizer/tokenizer.h"

namespace longspan {

/// In which order the blocks of the training text come.
enum class BatchOrder { Shuffled, Sequential, Fairseq };
/// How the documents of the training text bound what a sequence holds. None: sequences run across
/// them. Blocks: a sequence is of one document. Attention: sequences run across them, and no
/// position attends to what stands before its document.
enum class DocumentBounds { None, Blocks, Attention };
/// A published corpus that a text can be held against.
enum class KnownCorpus { None, WikiText2, WikiText103 };

/// A corpus of a mixture.
struct CorpusConfig {
  std::string name;
  std::int64_t weight = 1;  ///< its share of the tokens, relative to the others' in whole numbers
  SourceConfig source;
};

/// What the config says of the data.
struct DataConfig {
  SourceConfig train;  ///< empty where there is a mixture
  std::vector<CorpusConfig> mixture;
  SourceConfig valid;
  std::optional<SourceConfig> test;
  TokenizerConfig tokenizer;
  std::string shards;          ///< folder
  std::int64_t seq_len = 512;  ///< tokens of a training sequence
  BatchOrder order = BatchOrder::Shuffled;
  DocumentBounds document_bounds = DocumentBounds::None;
  KnownCorpus expect = KnownCorpus::None;  ///< the published corpus that the text must be
};

/// Reads the data section.
DataConfig read_data_config(const config::Reader& reader);
/// Returns the names of the splits that a run trains on: train, or train.NAME for each corpus.
std::vector<std::string> training_splits(const DataConfig& config);

/// A piece of a stream in a file.
struct TokenPlace {
  std::filesystem::path file;
  std::int64_t offset = 0;  ///< of its first byte in the file
  std::int64_t count = 0;   ///< tokens
  std::int64_t bytes_per_token = 0;
};

class TokenSource;

/// The token ids of one split, read from memory-mapped files or held in memory. Cheap to copy.
class TokenStream {
 public:
  explicit TokenStream(std::shared_ptr<const TokenSource> source);
  /// Wraps ids in memory.
  static TokenStream from_ids(std::vector<std::int32_t> ids);

  /// Returns the number of tokens.
  std::int64_t size() const;
  /// Writes ids [begin, begin+count) to out as int64. @param begin,count inside the stream
  void copy(std::int64_t begin, std::int64_t count, std::int64_t* out) const;
  /// Returns the pieces of files that hold ids [begin, begin+count), in order; none for ids in
  /// memory. @param begin,count inside the stream
  std::vector<TokenPlace> places(std::int64_t begin, std::int64_t count) const;

 private:
  void check_inside(std::int64_t begin, std::int64_t count) const;
  std::shared_ptr<const TokenSource> source_;
};

class DocumentTable;

/// A folder of token shards as prepare writes it; src/data/FORMAT.md gives every field. Ids of
/// other projects' files stay there, and the folder says where and what they are.
class ShardFolder {
 public:
  /// Opens a folder: reads its manifest and checks each shard's header and size. Of more than a
  /// thousand shards, those behind the first thousand are checked when they are first read.
  /// @throws Error(Data) for a folder that is damaged, truncated or of another version
  static ShardFolder open(const std::filesystem::path& folder);
  /// Returns whether a manifest is there. @throws Error(Data) when the file system does not tell
  static bool exists(const std::filesystem::path& folder);

  const Tokenizer& tokenizer() const { return *tokenizer_; }
  std::shared_ptr<const Tokenizer> shared_tokenizer() const { return tokenizer_; }
  std::filesystem::path tokenizer_folder() const { return folder_ / "tokenizer"; }
  /// Returns the names of the splits there.
  std::vector<std::string> splits() const;
  /// Returns a split's tokens. @throws Error(Data) when it is not there
  TokenStream stream(const std::string& split) const;
  /// Returns where a split's documents begin. @throws Error(Data) when that is not known
  std::shared_ptr<const DocumentTable> documents(const std::string& split) const;
  /// Returns the counts of a split's raw text.
  TextCounts counts(const std::string& split) const;
  /// Returns a digest of all that decides the ids, and of where documents begin where they bound
  /// sequences: equal folders give equal training.
  std::string fingerprint(DocumentBounds bounds = DocumentBounds::None) const;
  /// Re-reads every checksum. @throws Error(Data) that names the shard
  void verify() const;
  /// Returns the manifest as text for `inspect`.
  std::string describe() const;
  /// Returns where the tokens came from: the tokenizer, and each split's text and counts.
  Json origin() const;

 private:
  ShardFolder() = default;
  struct Split;
  const Split& find_split(const std::string& name) const;
  std::filesystem::path folder_;
  std::shared_ptr<const Tokenizer> tokenizer_;
  std::vector<std::shared_ptr<const Split>> splits_;
  std::string manifest_text_;
};

/// Returns how the origin of a run's tokens differs from what it was, as the key, the file and both
/// values of the first difference; "" when nothing does. @param was,now as ShardFolder::origin()
/// @param source names the first in errors  @throws Error(Data) when it is no origin
std::string origin_difference(const Json& was, const Json& now, const std::string& source);

/// Tokenizer and shards of a config: makes what is missing, keeps what is there and intact.
/// A folder made from another text or another tokenizer config is an error that names the
/// difference. Warns when the data is not the corpus that config.expect names.
/// @param num_threads 0: one for each core; the shards do not depend on it
/// @throws Error(Data), Error(Memory); a failed run leaves no folder that looks whole
ShardFolder prepare_data(const DataConfig& config, int num_threads = 0);

/// Encodes a text that has no shards. Also counts it. @param num_threads as above
TokenStream encode_text(const TextConfig& config, const Tokenizer& tokenizer, TextCounts& counts,
                        int num_threads = 0);

}  // namespace longspan
