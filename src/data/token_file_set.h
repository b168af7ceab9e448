#pragma once

#include <memory>
#include <string>
#include <vector>

#include "data/token_layout.h"
#include "data/token_source.h"

namespace longspan {

/// A file of ids and what is known of it.
struct TokenFile {
  std::filesystem::path path;
  std::shared_ptr<const MappedFile> file;
  TokenLayout layout;
  std::string digest;  ///< XXH3-128 of the file; empty where nobody needed it
};
/// Maps a file of ids and reads its header and that of its index. @throws Error(Data)
TokenFile open_token_file(const std::filesystem::path& path, TokenFormat format);
/// Opens the files of a source, in the order of token_files(). @throws Error(Data)
std::vector<TokenFile> open_files(const TokenFilesConfig& config);

/// What reading all of a file of ids finds.
struct TokenScan {
  std::string digest;  ///< XXH3-128 of the file
  std::int64_t largest_id = 0;
};
/// Reads all of a file of ids, and of its index. @param vocab_size as open_token_files() has it
/// @throws Error(Data) that names the first id that is not below vocab_size, and its byte
TokenScan scan_token_file(const TokenFile& file, std::int64_t vocab_size);

/// The ids of other projects' files, one after another. Ids are checked whenever they are read, and
/// so are the pages that hold them: whoever wrote the files may write them again.
class TokenFileSet final : public StoredTokens {
 public:
  /// @param vocab_size that ids must be below
  TokenFileSet(std::vector<TokenFile> files, std::int64_t vocab_size);

  std::int64_t size() const override { return ends_.empty() ? 0 : ends_.back(); }
  void copy(std::int64_t begin, std::int64_t count, std::int64_t* out) const override;
  std::vector<TokenPlace> places(std::int64_t begin, std::int64_t count) const override;
  void verify() const override;
  void describe_to(Hasher& hasher) const override;

 private:
  /// Calls action(file, its first id to read, how many) for each piece of [begin, begin + count).
  template <class Action>
  void for_pieces(std::int64_t begin, std::int64_t count, const Action& action) const;

  std::vector<TokenFile> files_;
  std::vector<std::int64_t> ends_;  // the place behind each file's last id
  std::int64_t vocab_size_;
};

}  // namespace longspan
