#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <span>
#include <string>
#include <string_view>

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

/// Reads a text file in sequence: as it stands, or decompressed where its first bytes say that it
/// is gzip or Zstandard data, whatever its name.
class TextReader {
 public:
  /// @throws Error(Data)
  explicit TextReader(std::string path);
  ~TextReader();
  TextReader(const TextReader&) = delete;
  TextReader& operator=(const TextReader&) = delete;

  /// Fills the buffer, short of it only at the text's end. @return the bytes read
  /// @throws Error(Data) that names file and byte for compressed data that is damaged or cut short
  std::size_t read(std::span<char> buffer);
  /// Returns the name of the compression; "" for a file that is read as it stands.
  std::string_view compression() const;
  /// Returns the bytes of the file that were read so far.
  std::int64_t file_bytes() const { return file_bytes_; }

 private:
  struct Compressed;
  std::size_t read_file(std::span<char> buffer);
  std::size_t read_decoded(std::span<char> buffer);
  std::size_t decode(std::span<char> output);
  bool refill();

  std::string path_;
  FileReader file_;
  std::int64_t file_bytes_ = 0;
  std::string beginning_;  // read and not given out yet
  std::unique_ptr<Compressed> compressed_;
};

}  // namespace longspan
