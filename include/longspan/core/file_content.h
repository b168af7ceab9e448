#pragma once

#include <cstddef>
#include <string_view>

namespace longspan {

/// How much of a file's beginning is enough to know it by.
inline constexpr std::size_t kBeginningBytes = 512;

/// Returns what a file that should hold text holds instead, and the remedy, as
/// "gzip data; decompress it with gunzip"; empty where it may be text.
std::string_view recognized_data(std::string_view beginning);
/// The same for text in a form that some places do not take: JSON, HTML.
std::string_view recognized_markup(std::string_view beginning);
/// The byte order mark U+FEFF in UTF-8. At the start of a file it is no part of the text.
inline constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

}  // namespace longspan
