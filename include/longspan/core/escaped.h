#pragma once

#include <string>
#include <string_view>

namespace longspan {

/// Returns a text fit for a terminal and for a file that must be UTF-8, in one line: a line break
/// or tab as \n, \r, \t, any other control character and each byte that is no UTF-8 as \xNN. A
/// text without those stays as it is, backslashes included.
std::string escaped(std::string_view text);
/// Does the same but for line breaks and tabs, which stay.
std::string escaped_lines(std::string_view text);
/// Returns a text as escaped(), and of a very long one the ends only, with the number of bytes
/// between them.
std::string shown(std::string_view text);

}  // namespace longspan
