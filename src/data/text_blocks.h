#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/text_reader.h"

namespace longspan {

class ByteProgress;

/// Files to read, and the key of those that are JSON lines.
struct TextFiles {
  std::vector<std::string> paths;
  std::string text_key = "text";
};

/// Whole lines of a file.
struct TextBlock {
  std::size_t file = 0;    ///< its number in the text
  std::string path;        ///< of the file
  std::int64_t place = 0;  ///< of the first byte in the file, as it is when it is decompressed
  std::string_view compression;  ///< its name; "" for a file that is read as it stands
  std::string text_key;          ///< of a JSON object a line; "" for plain text
  std::string text;
  std::int64_t bytes = 0;  ///< of the text that it is, the file's byte order mark included
  std::optional<std::int64_t> file_lines;  ///< where the text has other lines than the file
  std::vector<std::size_t> records;        ///< where the texts of JSON lines begin in the text
};

/// Reads files as blocks of whole lines, in order; a byte order mark at a file's start is left out.
/// A block has some kBytes, or one line that is longer. Of compressed text a line has at most
/// kMaxDecodedBytes: some bytes of a file may stand for more than there is memory.
class TextBlocks {
 public:
  static constexpr std::size_t kBytes = std::size_t{1} << 20;
  static constexpr std::size_t kMaxDecodedBytes = std::size_t{1} << 27;

  struct Sizes {
    std::size_t block_bytes = kBytes;
    std::size_t max_decoded_bytes = kMaxDecodedBytes;
  };
  /// @param progress is told what is read; nothing where nobody asks
  explicit TextBlocks(TextFiles files, ByteProgress* progress = nullptr);
  TextBlocks(TextFiles files, Sizes sizes);

  /// Returns the next block; none at the end. @throws Error(Data)
  std::optional<TextBlock> next();

 private:
  bool open_next();
  bool fill();
  std::optional<TextBlock> take(std::size_t bytes);

  TextFiles files_;
  Sizes sizes_;
  ByteProgress* progress_ = nullptr;
  std::size_t num_opened_ = 0;
  std::optional<TextReader> reader_;
  std::string_view compression_;
  std::string buffer_;           // read and not taken yet
  std::int64_t place_ = 0;       // of the buffer in its file
  std::int64_t mark_bytes_ = 0;  // of a byte order mark in front of it
  std::int64_t told_bytes_ = 0;  // of the file
};

/// Throws Error(Data) that names line and byte when a block is not UTF-8. @param lines_before of
/// its file
void check_utf8(const TextBlock& block, std::int64_t lines_before);

}  // namespace longspan
