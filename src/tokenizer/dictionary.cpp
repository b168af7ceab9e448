// fairseq's dict.txt: a word, a space and a count on each line, in the order of the ids. The last
// space counts, so that a word may hold spaces.
#include "tokenizer/dictionary.h"

#include <array>
#include <charconv>
#include <cstdio>

#include "longspan/core/error.h"
#include "longspan/core/files.h"

namespace longspan {
namespace {

constexpr std::array<std::string_view, kNumSpecials> kSpecials = {"<s>", "<pad>", "</s>", "<unk>"};

void parse_dictionary_line(std::string_view line, const std::string& place,
                           Vocabulary& vocabulary) {
  const std::size_t space = line.rfind(' ');
  std::int64_t count = -1;
  bool parsed = space != std::string_view::npos && space > 0;
  if (parsed) {
    const char* end = line.data() + line.size();
    const auto [stop, problem] = std::from_chars(line.data() + space + 1, end, count);
    parsed = problem == std::errc{} && stop == end && count >= 0;
  }
  check(parsed, ErrorKind::Data, place, ": a line must be a word, a space and a count, got '", line,
        "'");
  const std::string_view word = line.substr(0, space);
  check(vocabulary.words.find(word) < 0, ErrorKind::Data, place,
        ": a word must stand once, got again '", word, "'");
  add(vocabulary, word, count);
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
  Vocabulary vocabulary = make_specials();
  for (std::int64_t number = 1; !text.empty(); ++number) {
    const std::size_t end = text.find('\n');
    check(end != std::string_view::npos, ErrorKind::Data, source,
          ": must end with a line break; it is truncated");
    parse_dictionary_line(text.substr(0, end), concat(source, ":", number), vocabulary);
    text.remove_prefix(end + 1);
  }
  return vocabulary;
}

std::string read_dictionary(const std::string& path) {
  try {
    return read_file(path);
  } catch (const Error& cause) {
    std::throw_with_nested(Error(
        ErrorKind::Data, concat("data.tokenizer.dictionary must be readable: ", cause.what())));
  }
}

}  // namespace longspan
