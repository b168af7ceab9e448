// fairseq's dict.txt: a word, a space and a count on each line, in the order of the ids. The last
// space counts, so that a word may hold spaces.
#include "tokenizer/dictionary.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <optional>

#include "longspan/core/error.h"
#include "longspan/core/file_content.h"
#include "longspan/core/files.h"
#include "longspan/core/utf8.h"

namespace longspan {
namespace {

constexpr std::array<std::string_view, kNumSpecials> kSpecials = {"<s>", "<pad>", "</s>", "<unk>"};

struct Entry {
  std::string_view word;
  std::int64_t count = -1;
};

std::optional<Entry> parse_line(std::string_view line) {
  const std::size_t space = line.rfind(' ');
  if (space == std::string_view::npos || space == 0) return std::nullopt;
  Entry entry{line.substr(0, space)};
  const char* end = line.data() + line.size();
  const auto [stop, problem] = std::from_chars(line.data() + space + 1, end, entry.count);
  if (problem != std::errc{} || stop != end || entry.count < 0) return std::nullopt;
  return entry;
}

void add_line(std::string_view line, const std::string& place, Vocabulary& vocabulary) {
  const std::optional<Entry> entry = parse_line(line);
  check(entry.has_value(), ErrorKind::Data, place,
        ": a line must be a word, a space and a count, got '", line, "'");
  check(vocabulary.words.find(entry->word) < 0, ErrorKind::Data, place,
        ": a word must stand once, got again '", entry->word, "'");
  add(vocabulary, entry->word, entry->count);
}

// Names a file that is no dictionary, which by its first line alone could not be told.
void check_content(std::string_view text, const std::string& source) {
  std::string_view found = text.empty() ? "an empty file" : recognized_data(text);
  const bool fits = parse_line(text.substr(0, text.find_first_of("\r\n"))).has_value();
  if (found.empty() && !fits) found = recognized_markup(text);
  check(found.empty(), ErrorKind::Data, source,
        ": must be a dictionary, lines of a word, a space and a count, found ", found);
  const std::size_t invalid = find_invalid_utf8(text);
  if (invalid == std::string_view::npos) return;
  throw Error(ErrorKind::Data,
              concat(source, ":", 1 + std::ranges::count(text.substr(0, invalid), '\n'),
                     ": a dictionary must be UTF-8, found ", byte_in_hex(text[invalid]),
                     " at byte ", invalid, " of the file"));
}

}  // namespace

void add(Vocabulary& vocabulary, std::string_view word, std::int64_t count) {
  vocabulary.words.insert(word);
  vocabulary.counts.push_back(count);
}

Vocabulary make_specials() {
  Vocabulary vocabulary;
  for (const std::string_view special : kSpecials) add(vocabulary, special, 0);
  return vocabulary;
}

// A padding symbol that is a word of the text already is skipped, as fairseq does.
void pad(Vocabulary& vocabulary, std::int64_t multiple) {
  for (int number = 0; vocabulary.words.size() % multiple != 0; ++number) {
    char symbol[32];
    std::snprintf(symbol, sizeof symbol, "madeupword%04d", number);
    if (vocabulary.words.find(symbol) < 0) add(vocabulary, symbol, 0);
  }
}

std::string format_dictionary(const Vocabulary& vocabulary) {
  std::string text;
  for (std::size_t id = kNumSpecials; id < vocabulary.counts.size(); ++id) {
    text += vocabulary.words.word(static_cast<std::int32_t>(id));
    text += ' ';
    text += std::to_string(vocabulary.counts[id]);
    text += '\n';
  }
  return text;
}

Vocabulary parse_dictionary(std::string_view text, const std::string& source) {
  check_content(text, source);
  Vocabulary vocabulary = make_specials();
  for (std::int64_t number = 1; !text.empty(); ++number) {
    const std::size_t end = text.find('\n');
    check(end != std::string_view::npos, ErrorKind::Data, source,
          ": must end with a line break; it is truncated");
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);  // no word holds one
    add_line(line, concat(source, ":", number), vocabulary);
    text.remove_prefix(end + 1);
  }
  return vocabulary;
}

std::string read_dictionary(const std::string& path) {
  try {
    std::string text = read_file(path);
    if (text.starts_with(kByteOrderMark)) text.erase(0, kByteOrderMark.size());
    return text;
  } catch (const Error& cause) {
    std::throw_with_nested(Error(
        ErrorKind::Data, concat("data.tokenizer.dictionary must be readable: ", cause.what())));
  }
}

}  // namespace longspan
