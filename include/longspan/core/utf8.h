#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace longspan {

/// Returns the place of the first byte that is not part of well-formed UTF-8, or npos. Overlong
/// forms, surrogates and code points above U+10FFFF are not well-formed.
std::size_t find_invalid_utf8(std::string_view text);
/// Returns "byte 0xff" for a byte that an error names.
std::string byte_in_hex(char byte);

}  // namespace longspan
