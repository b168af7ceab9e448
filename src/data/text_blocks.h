#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "longspan/core/error.h"
#include "longspan/core/files.h"

namespace longspan {

/// Returns what work() returns, which reads a text file; where that fails, the text is to blame.
/// @throws Error(Data) in place of Error(Io)
template <class Work>
auto reading_text(const std::string& path, const Work& work) {
  try {
    return work();
  } catch (const Error& cause) {
    if (cause.kind() != ErrorKind::Io) throw;
    std::throw_with_nested(Error(
        ErrorKind::Data, concat(path, ": must be a readable text file, got: ", cause.what())));
  }
}

/// Whole lines of a file.
struct TextBlock {
  std::size_t file = 0;    ///< its number in the text
  std::string path;        ///< of the file
  std::int64_t place = 0;  ///< of the first byte in the file
  std::string text;
};

/// Reads files as blocks of whole lines, in order; a byte order mark at a file's start is left out.
/// A block has some kBytes, or one line that is longer.
class TextBlocks {
 public:
  static constexpr std::size_t kBytes = std::size_t{1} << 20;

  explicit TextBlocks(std::vector<std::string> files, std::size_t block_bytes = kBytes);

  /// Returns the next block; none at the end. @throws Error(Data)
  std::optional<TextBlock> next();
  /// Returns the bytes read so far, byte order marks included.
  std::int64_t bytes_read() const { return bytes_read_; }

 private:
  bool open_next();
  bool fill();
  std::optional<TextBlock> take(std::size_t bytes);

  std::vector<std::string> files_;
  std::size_t block_bytes_;
  std::size_t num_opened_ = 0;
  std::optional<FileReader> reader_;
  std::string buffer_;      // read and not taken yet
  std::int64_t place_ = 0;  // of the buffer in its file
  std::int64_t bytes_read_ = 0;
};

/// Returns whether a block's text is UTF-8.
bool is_utf8(const TextBlock& block);
/// Throws Error(Data) that names line and byte when a block is not UTF-8. @param lines_before of
/// its file
void check_utf8(const TextBlock& block, std::int64_t lines_before);

}  // namespace longspan
