#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace longspan {

/// Returns the place of the first byte that is not part of well-formed UTF-8, or npos. Overlong
/// forms, surrogates and code points above U+10FFFF are not well-formed.
std::size_t find_invalid_utf8(std::string_view text);
/// Returns the bytes of the character that begins with a byte of well-formed UTF-8; 1 for a byte
/// that none begins with.
constexpr std::size_t utf8_size(char first) {
  const auto byte = static_cast<unsigned char>(first);
  return byte < 0xC0 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}
/// Returns "byte 0xff" for a byte that an error names.
std::string byte_in_hex(char byte);

}  // namespace longspan
