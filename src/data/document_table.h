#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "longspan/core/files.h"
#include "longspan/core/json.h"

namespace longspan {

/// Where the documents of a stream begin. The first begins with the stream; what stands between two
/// (an end-of-line, a start id) is the end of the one in front.
class DocumentTable {
 public:
  /// Opens the table of a split. @param documents what the manifest says of it @throws Error(Data)
  static std::shared_ptr<const DocumentTable> read(const std::filesystem::path& folder,
                                                   const Json& documents, std::int64_t num_tokens);
  /// Wraps places in memory: from 0, rising, below num_tokens.
  static std::shared_ptr<const DocumentTable> from_begins(std::vector<std::int64_t> begins,
                                                          std::int64_t num_tokens);

  std::int64_t count() const { return static_cast<std::int64_t>(begins_.size()); }
  /// Returns the place of a document's first token.
  std::int64_t begin(std::int64_t document) const {
    return begins_[static_cast<std::size_t>(document)];
  }
  /// Returns the place behind its last token.
  std::int64_t end(std::int64_t document) const {
    return document + 1 < count() ? begin(document + 1) : num_tokens_;
  }
  /// Returns XXH3-128 of the table; "" of places in memory.
  const std::string& digest() const { return digest_; }
  /// Reads the table's file again and holds it against its digest. @throws Error(Data)
  void verify() const;
  /// Returns the document that a token is of.
  std::int64_t of_token(std::int64_t token) const;

 private:
  explicit DocumentTable(std::int64_t num_tokens) : num_tokens_(num_tokens) {}
  void check(const std::string& path) const;

  std::string path_, digest_;
  std::optional<MappedFile> file_;
  std::vector<std::int64_t> in_memory_;
  std::span<const std::int64_t> begins_;  // of either
  std::int64_t num_tokens_;
};

/// Writes the table of a split.
class DocumentTableWriter {
 public:
  /// @throws Error(Io)
  DocumentTableWriter(std::filesystem::path folder, const std::string& split);
  /// Takes the place of a document's first token; documents without tokens are none.
  void add(std::int64_t begin);
  /// Returns what the manifest says of the table. @param num_tokens of the split
  Json finish(std::int64_t num_tokens);

 private:
  void write_last();

  std::filesystem::path folder_;
  std::string name_;
  FileWriter writer_;
  std::optional<std::int64_t> last_;  // not written yet
  std::int64_t count_ = 0;
};

/// Blocks of at most seq_len tokens, of which none is of two documents: each document is cut at
/// multiples of seq_len from its start.
class DocumentCut {
 public:
  DocumentCut(std::shared_ptr<const DocumentTable> documents, std::int64_t seq_len);

  std::int64_t seq_len() const { return seq_len_; }
  std::int64_t num_blocks() const { return num_blocks_; }
  /// A block's tokens.
  struct Block {
    std::int64_t begin, count;
  };
  Block block(std::int64_t number) const;

 private:
  std::int64_t blocks_of(std::int64_t document) const;

  std::shared_ptr<const DocumentTable> documents_;
  std::int64_t seq_len_, num_blocks_ = 0;
  std::vector<std::int64_t> first_blocks_;  // of every kStride-th document
};

}  // namespace longspan
