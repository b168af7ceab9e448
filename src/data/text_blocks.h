#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/text_reader.h"

namespace longspan {

/// Whole lines of a file.
struct TextBlock {
  std::size_t file = 0;    ///< its number in the text
  std::string path;        ///< of the file
  std::int64_t place = 0;  ///< of the first byte in the file, as it is when it is decompressed
  std::string_view compression;  ///< its name; "" for a file that is read as it stands
  std::string text;
};

/// Reads files as blocks of whole lines, in order; a byte order mark at a file's start is left out.
/// A block has some kBytes, or one line that is longer. Of compressed text a line has at most
/// kMaxDecodedBytes: some bytes of a file may stand for more than there is memory.
class TextBlocks {
 public:
  static constexpr std::size_t kBytes = std::size_t{1} << 20;
  static constexpr std::size_t kMaxDecodedBytes = std::size_t{1} << 29;

  explicit TextBlocks(std::vector<std::string> files, std::size_t block_bytes = kBytes,
                      std::size_t max_decoded_bytes = kMaxDecodedBytes);

  /// Returns the next block; none at the end. @throws Error(Data)
  std::optional<TextBlock> next();
  /// Returns the bytes of text read so far, byte order marks included.
  std::int64_t bytes_read() const { return bytes_read_; }

 private:
  bool open_next();
  bool fill();
  std::optional<TextBlock> take(std::size_t bytes);

  std::vector<std::string> files_;
  std::size_t block_bytes_, max_decoded_bytes_;
  std::size_t num_opened_ = 0;
  std::optional<TextReader> reader_;
  std::string_view compression_;
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
