// What users take for a text: compressed, binary and UTF-16 files, and pointers in the place of a
// file.
#include "longspan/core/file_content.h"

#include <algorithm>
#include <array>

namespace longspan {
namespace {

using namespace std::string_view_literals;

struct Signature {
  std::size_t place;
  std::string_view bytes;
  std::string_view content;
};

constexpr std::string_view kUtf16 = "UTF-16 text; convert it with iconv -f UTF-16 -t UTF-8";

constexpr std::array kSignatures{
    Signature{0, "\x1F\x8B"sv, "gzip data; decompress it with gunzip"},
    Signature{0, "\x28\xB5\x2F\xFD"sv, "Zstandard data; decompress it with unzstd"},
    Signature{0,
              "\xFD"
              "7zXZ\0"sv,
              "xz data; decompress it with unxz"},
    Signature{4, "1AY&SY"sv, "bzip2 data; decompress it with bunzip2"},
    Signature{0, "PK\x03\x04"sv, "a ZIP archive; extract the file from it"},
    Signature{257, "ustar"sv, "a tar archive; extract the file from it"},
    Signature{0, "PAR1\x15"sv, "a Parquet file; export its text column as plain text"},
    Signature{0, "ARROW1"sv, "an Arrow file; export its text column as plain text"},
    Signature{0, "%PDF-"sv, "a PDF; export it as plain text"},
    Signature{0, "\x80\x02"sv, "a Python pickle; export it as plain text"},
    Signature{0, "\x80\x03"sv, "a Python pickle; export it as plain text"},
    Signature{0, "\x80\x04"sv, "a Python pickle; export it as plain text"},
    Signature{0, "\xFF\xFE\0\0"sv, "UTF-32 text; convert it with iconv -f UTF-32 -t UTF-8"},
    Signature{0, "\0\0\xFE\xFF"sv, "UTF-32 text; convert it with iconv -f UTF-32 -t UTF-8"},
    Signature{0, "\xFF\xFE"sv, kUtf16},
    Signature{0, "\xFE\xFF"sv, kUtf16},
    Signature{0, "version https://git-lfs.github.com/spec/"sv,
              "a Git LFS pointer; fetch the file itself with git lfs pull"},
};

// Of ASCII characters in UTF-16 every other byte is zero.
bool is_unmarked_utf16(std::string_view beginning) {
  std::array<std::size_t, 2> zeros{};
  for (std::size_t i = 0; i < beginning.size(); ++i)
    if (beginning[i] == '\0') ++zeros[i % 2];
  const auto [few, many] = std::ranges::minmax(zeros);
  return beginning.size() >= 8 && few == 0 && many * 3 >= beginning.size();
}

bool starts_with_tag(std::string_view text, std::string_view tag) {
  const auto same = [](char letter, char of_tag) { return (letter | 0x20) == (of_tag | 0x20); };
  return text.size() >= tag.size() && std::ranges::equal(text.substr(0, tag.size()), tag, same);
}

}  // namespace

std::string_view recognized_data(std::string_view beginning) {
  beginning = beginning.substr(0, kBeginningBytes);
  for (const Signature& signature : kSignatures) {
    const bool fits = beginning.size() >= signature.place &&
                      beginning.substr(signature.place).starts_with(signature.bytes);
    if (fits) return signature.content;
  }
  return is_unmarked_utf16(beginning) ? kUtf16 : ""sv;
}

std::string_view recognized_markup(std::string_view beginning) {
  beginning.remove_prefix(std::min(beginning.find_first_not_of(" \t\r\n"), beginning.size()));
  if (starts_with_tag(beginning, "<!doctype") || starts_with_tag(beginning, "<html"))
    return "an HTML page; download the file itself";
  return beginning.starts_with('{') || beginning.starts_with('[') ? "JSON"sv : ""sv;
}

}  // namespace longspan
