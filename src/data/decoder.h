#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

namespace longspan {

/// Turns compressed bytes into what they were, in pieces, with memory that does not depend on their
/// number. Several compressed texts one behind the other are one text.
class Decoder {
 public:
  struct Step {
    std::size_t taken = 0;  ///< bytes of the input
    std::size_t given = 0;  ///< bytes of the output
  };

  virtual ~Decoder() = default;
  /// Decodes what it can. A step of neither needs more input. @throws Error(Data) in the library's
  /// words
  virtual Step decode(std::string_view input, std::span<char> output) = 0;
  /// Returns whether the input may end behind what was taken of it.
  virtual bool is_complete() const = 0;
};

/// A form in which a text may be compressed.
struct Compression {
  std::string_view name;
  bool (*begins)(std::string_view beginning);  ///< whether a file does, by its first 4 bytes
  std::unique_ptr<Decoder> (*make)();
};

std::unique_ptr<Decoder> make_gzip_decoder();
std::unique_ptr<Decoder> make_zstandard_decoder();

}  // namespace longspan
