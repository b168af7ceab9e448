// What may stand in a damaged file, made fit to be quoted.
#include "longspan/core/escaped.h"

#include <algorithm>

#include "longspan/core/error.h"
#include "longspan/core/utf8.h"

namespace longspan {
namespace {

// Of a text that is shown in a line. The end holds the remedy, so it is kept too.
constexpr std::size_t kFirstBytes = 1500;
constexpr std::size_t kLastBytes = 500;

enum class LineBreaks { Escape, Keep };

void append_byte(std::string& result, char c) {
  constexpr char kDigits[] = "0123456789abcdef";
  const auto byte = static_cast<unsigned char>(c);
  result += "\\x";
  result += kDigits[byte >> 4];
  result += kDigits[byte & 15];
}

void append_ascii(std::string& result, char c, LineBreaks line_breaks) {
  const bool breaks = c == '\n' || c == '\r' || c == '\t';
  if (breaks && line_breaks == LineBreaks::Escape)
    result += c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t";
  else if (!breaks && (static_cast<unsigned char>(c) < 0x20 || c == 0x7F))
    append_byte(result, c);
  else
    result += c;
}

// U+0080 to U+009F are control characters too, of two bytes.
bool is_wide_control(std::string_view text) {
  return text.size() > 1 && text[0] == '\xC2' && static_cast<unsigned char>(text[1]) < 0xA0;
}

void append_valid(std::string& result, std::string_view text, LineBreaks line_breaks) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (is_wide_control(text.substr(i))) {
      append_byte(result, text[i]);
      append_byte(result, text[++i]);
    } else {
      append_ascii(result, text[i], line_breaks);
    }
  }
}

std::string escape(std::string_view text, LineBreaks line_breaks) {
  std::string result;
  while (!text.empty()) {
    const std::size_t valid = std::min(find_invalid_utf8(text), text.size());
    append_valid(result, text.substr(0, valid), line_breaks);
    if (valid < text.size()) append_byte(result, text[valid]);
    text.remove_prefix(std::min(valid + 1, text.size()));
  }
  return result;
}

// The first place from `at` on where no character is cut. No character has more than 4 bytes.
std::size_t between_characters(std::string_view text, std::size_t at) {
  std::size_t place = at;
  while (place < at + 3 && place < text.size() && (text[place] & 0xC0) == 0x80) ++place;
  return place;
}

}  // namespace

std::string escaped(std::string_view text) { return escape(text, LineBreaks::Escape); }

std::string escaped_lines(std::string_view text) { return escape(text, LineBreaks::Keep); }

std::string shown(std::string_view text) {
  if (text.size() <= kFirstBytes + kLastBytes) return escaped(text);
  const std::size_t first = between_characters(text, kFirstBytes),
                    last = between_characters(text, text.size() - kLastBytes);
  return concat(escaped(text.substr(0, first)), " ... (", last - first, " bytes left out) ... ",
                escaped(text.substr(last)));
}

}  // namespace longspan
