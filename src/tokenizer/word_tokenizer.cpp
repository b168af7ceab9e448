// The word vocabulary of fairseq-preprocess: training words by falling count, ties by code point,
// which is the byte order of UTF-8, then padding symbols. The special symbols stand in the table
// like words, so that their literal text maps to their ids.
#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdio>
#include <numeric>
#include <utility>

#include "longspan/core/error.h"
#include "longspan/core/files.h"
#include "longspan/core/hash.h"
#include "longspan/tokenizer/words.h"
#include "tokenizer/kinds.h"
#include "tokenizer/word_table.h"

namespace longspan {
namespace {

constexpr std::array<std::string_view, 4> kSpecials = {"<s>", "<pad>", "</s>", "<unk>"};
constexpr std::int32_t kEndOfLine = 2;
constexpr std::int32_t kUnknown = 3;
constexpr std::string_view kDictionaryFile = "dict.txt";

struct Vocabulary {
  WordTable words;                   // number = id
  std::vector<std::int64_t> counts;  // by id
};

void add(Vocabulary& vocabulary, std::string_view word, std::int64_t count) {
  vocabulary.words.insert(word);
  vocabulary.counts.push_back(count);
}

Vocabulary make_specials() {
  Vocabulary vocabulary;
  for (const std::string_view special : kSpecials) add(vocabulary, special, 0);
  return vocabulary;
}

class WordTokenizer final : public Tokenizer {
 public:
  WordTokenizer(Vocabulary vocabulary, bool end_of_line)
      : vocabulary_(std::move(vocabulary)),
        end_of_line_(end_of_line),
        fingerprint_(make_fingerprint()) {}

  std::string kind() const override { return "word"; }
  std::int64_t vocab_size() const override { return vocabulary_.words.size(); }

  void encode_line(std::string_view line, std::vector<std::int32_t>& ids) const override {
    for (std::string_view word = next_word(line); !word.empty(); word = next_word(line)) {
      const std::int32_t id = vocabulary_.words.find(word);
      ids.push_back(id < 0 ? kUnknown : id);
    }
    if (end_of_line_) ids.push_back(kEndOfLine);
  }

  std::string decode(std::span<const std::int32_t> ids) const override {
    std::string text;
    for (const std::int32_t id : ids) {
      check_token_id(*this, id);
      if (ends_line(id)) {
        text += '\n';
        continue;
      }
      if (!text.empty() && text.back() != '\n') text += ' ';
      text += vocabulary_.words.word(id);
    }
    return text;
  }

  std::int32_t start_id() const override { return kEndOfLine; }
  bool ends_line(std::int32_t id) const override { return end_of_line_ && id == kEndOfLine; }

  void save(const std::filesystem::path& folder) const override {
    std::string dictionary;
    for (std::size_t id = kSpecials.size(); id < vocabulary_.counts.size(); ++id) {
      dictionary += vocabulary_.words.word(static_cast<std::int32_t>(id));
      dictionary += ' ';
      dictionary += std::to_string(vocabulary_.counts[id]);
      dictionary += '\n';
    }
    write_file_durably(folder / kDictionaryFile, dictionary);
    save_description(*this, folder, Json{{"end_of_line", end_of_line_}});
  }

  std::string fingerprint() const override { return fingerprint_; }

 private:
  std::string make_fingerprint() const {
    Hasher hasher;
    hasher.update(end_of_line_ ? "word 1\n" : "word 0\n");
    for (std::int32_t id = 0; id < vocabulary_.words.size(); ++id) {
      hasher.update(vocabulary_.words.word(id));
      hasher.update("\n");
    }
    return hasher.digest();
  }

  Vocabulary vocabulary_;
  bool end_of_line_;
  std::string fingerprint_;
};

Vocabulary count_training_words(const LineSource& lines) {
  Vocabulary found = make_specials();
  lines([&](std::string_view line) {
    for (std::string_view word = next_word(line); !word.empty(); word = next_word(line)) {
      const auto number = static_cast<std::size_t>(found.words.insert(word));
      if (number == found.counts.size()) found.counts.push_back(0);
      ++found.counts[number];
    }
  });
  return found;
}

Vocabulary sort_by_count(const Vocabulary& found) {
  std::vector<std::int32_t> order(found.counts.size() - kSpecials.size());
  std::iota(order.begin(), order.end(), static_cast<std::int32_t>(kSpecials.size()));
  const auto count = [&](std::int32_t number) {
    return found.counts[static_cast<std::size_t>(number)];
  };
  std::ranges::sort(order, [&](std::int32_t a, std::int32_t b) {
    return count(a) != count(b) ? count(a) > count(b) : found.words.word(a) < found.words.word(b);
  });
  Vocabulary sorted = make_specials();
  for (const std::int32_t number : order) add(sorted, found.words.word(number), count(number));
  return sorted;
}

// A padding symbol that is a word of the text already is skipped, as fairseq does.
void pad(Vocabulary& vocabulary, std::int64_t multiple) {
  for (int number = 0; vocabulary.words.size() % multiple != 0; ++number) {
    char symbol[32];
    std::snprintf(symbol, sizeof symbol, "madeupword%04d", number);
    if (vocabulary.words.find(symbol) < 0) add(vocabulary, symbol, 0);
  }
}

std::unique_ptr<Tokenizer> build(const TokenizerConfig& config, const LineSource& training_lines) {
  Vocabulary vocabulary = sort_by_count(count_training_words(training_lines));
  check(vocabulary.counts.size() > kSpecials.size(), ErrorKind::Data,
        "the training text must hold at least one word for a word vocabulary, found none");
  pad(vocabulary, config.pad_multiple);
  return std::make_unique<WordTokenizer>(std::move(vocabulary), config.end_of_line);
}

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

std::unique_ptr<Tokenizer> load(const std::filesystem::path& folder, const Json& description) {
  const std::string path = (folder / kDictionaryFile).string();
  const std::string text = read_file(path);
  Vocabulary vocabulary = make_specials();
  std::string_view rest = text;
  for (std::int64_t number = 1; !rest.empty(); ++number) {
    const std::size_t end = rest.find('\n');
    check(end != std::string_view::npos, ErrorKind::Data, path,
          ": must end with a line break; it is truncated");
    parse_dictionary_line(rest.substr(0, end), concat(path, ":", number), vocabulary);
    rest.remove_prefix(end + 1);
  }
  return std::make_unique<WordTokenizer>(std::move(vocabulary),
                                         description.at("end_of_line").get<bool>());
}

void read(const config::Reader& reader, TokenizerConfig& config) {
  config.end_of_line = reader.boolean("end_of_line", config.end_of_line);
  config.pad_multiple =
      reader.integer("pad_multiple", {.low = 1, .high = 65536}, config.pad_multiple);
}

void describe(const TokenizerConfig& config, Json& description) {
  description["end_of_line"] = config.end_of_line;
  description["pad_multiple"] = config.pad_multiple;
}

}  // namespace

const TokenizerKind& word_tokenizer_kind() {
  static const TokenizerKind kKind{"word", {"end_of_line", "pad_multiple"}, read, describe, build,
                                   load};
  return kKind;
}

}  // namespace longspan
