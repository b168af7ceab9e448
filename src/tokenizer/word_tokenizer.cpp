// The word vocabulary of fairseq-preprocess: training words by falling count, ties by code point,
// which is the byte order of UTF-8, then padding symbols; or the words of a dictionary file.
#include <algorithm>
#include <cstddef>
#include <deque>
#include <numeric>
#include <utility>

#include "longspan/core/error.h"
#include "longspan/core/files.h"
#include "longspan/core/hash.h"
#include "tokenizer/dictionary.h"
#include "tokenizer/kinds.h"
#include "tokenizer/word_scan.h"

namespace longspan {
namespace {

constexpr std::int32_t kEndOfLine = 2;
constexpr std::int32_t kUnknown = 3;
constexpr std::string_view kDictionaryFile = "dict.txt";

class WordTokenizer final : public Tokenizer {
 public:
  WordTokenizer(Vocabulary vocabulary, bool end_of_line)
      : vocabulary_(std::move(vocabulary)),
        end_of_line_(end_of_line),
        fingerprint_(make_fingerprint()) {}

  std::string kind() const override { return "word"; }
  std::int64_t vocab_size() const override { return vocabulary_.words.size(); }

  std::int64_t encode_line(std::string_view line, std::vector<std::int32_t>& ids) const override {
    std::int64_t unknown = 0;
    for_each_word(line, [&](std::string_view word) {
      const std::int32_t id = vocabulary_.words.find(word);
      ids.push_back(id < 0 ? kUnknown : id);
      if (id < 0) ++unknown;
    });
    if (end_of_line_) ids.push_back(kEndOfLine);
    return unknown;
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
    write_file_durably(folder / kDictionaryFile, format_dictionary(vocabulary_));
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

void count_word(Vocabulary& found, std::string_view word, std::int64_t count) {
  const auto number = static_cast<std::size_t>(found.words.insert(word));
  if (number == found.counts.size()) found.counts.push_back(0);
  found.counts[number] += count;
}

// Each thread counts on its own. Which words come first in the sum depends on the threads; what
// they are sorted by does not.
Vocabulary count_training_words(const TrainingText& text) {
  std::deque<Vocabulary> parts;
  text.spread([&] {
    Vocabulary& part = parts.emplace_back(make_specials());
    return [&part](std::string_view line) {
      for_each_word(line, [&](std::string_view word) { count_word(part, word, 1); });
    };
  });
  if (parts.empty()) return make_specials();
  Vocabulary found = std::move(parts.front());
  for (parts.pop_front(); !parts.empty(); parts.pop_front())
    for (std::int32_t number = 0; number < parts.front().words.size(); ++number)
      count_word(found, parts.front().words.word(number),
                 parts.front().counts[static_cast<std::size_t>(number)]);
  return found;
}

Vocabulary sort_by_count(const Vocabulary& found) {
  std::vector<std::int32_t> order(found.counts.size() - kNumSpecials);
  std::iota(order.begin(), order.end(), static_cast<std::int32_t>(kNumSpecials));
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

Vocabulary make_vocabulary(const TokenizerConfig& config, const TrainingText& text) {
  if (!config.dictionary.empty())
    return parse_dictionary(read_dictionary(config.dictionary), config.dictionary);
  Vocabulary vocabulary = sort_by_count(count_training_words(text));
  check(vocabulary.counts.size() > kNumSpecials, ErrorKind::Data,
        "the training text must hold at least one word for a word vocabulary, found none");
  return vocabulary;
}

std::unique_ptr<Tokenizer> build(const TokenizerConfig& config, const TrainingText& text) {
  Vocabulary vocabulary = make_vocabulary(config, text);
  pad(vocabulary, config.pad_multiple);
  return std::make_unique<WordTokenizer>(std::move(vocabulary), config.end_of_line);
}

std::unique_ptr<Tokenizer> load(const std::filesystem::path& folder, const Json& description) {
  const std::filesystem::path path = folder / kDictionaryFile;
  return std::make_unique<WordTokenizer>(parse_dictionary(read_file(path), path.string()),
                                         description.at("end_of_line").get<bool>());
}

void read(const config::Reader& reader, TokenizerConfig& config) {
  config.end_of_line = reader.boolean("end_of_line", config.end_of_line);
  config.pad_multiple =
      reader.integer("pad_multiple", {.low = 1, .high = 65536}, config.pad_multiple);
  config.dictionary = reader.path("dictionary", "");
}

void describe(const TokenizerConfig& config, Json& description) {
  description["end_of_line"] = config.end_of_line;
  description["pad_multiple"] = config.pad_multiple;
  if (!config.dictionary.empty())
    description["dictionary"] = hash_of(read_dictionary(config.dictionary));
}

}  // namespace

const TokenizerEntry& word_tokenizer_entry() {
  static const TokenizerEntry kEntry{"word",
                                     TokenizerKind::Word,
                                     {"end_of_line", "pad_multiple", "dictionary"},
                                     read,
                                     describe,
                                     build,
                                     load};
  return kEntry;
}

}  // namespace longspan
