// The encoder that remembers words against the library on whole lines, for models of every option
// that decides whether a line can be told by its words.
#include "tokenizer/sentencepiece_encoder.h"

#include <sentencepiece_trainer.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cstring>
#include <set>
#include <unordered_map>

#include "longspan/core/error.h"
#include "longspan/core/random.h"

namespace longspan {
namespace {

using Catch::Matchers::ContainsSubstring;
using Options = std::unordered_map<std::string, std::string>;

// Lines as WikiText has them: a few words often and many seldom, numbers, names, marks between
// blanks.
std::vector<std::string> text_lines() {
  RandomStream random(7, RandomPurpose::Sampling, 0);
  const std::vector<std::string_view> syllables{"the", "an", "of", "ra",  "to",        "sen", "ing",
                                                "ed",  "or", "li", "qua", "\xC3\xA9t", "ma",  "z"};
  std::vector<std::string> words{"the", "of", "<unk>", ",", ".", "@-@", "1", "000", "(", ")", "\""};
  while (words.size() < 900) {
    std::string word;
    for (std::uint64_t count = 1 + random.below(4); count > 0; --count)
      word += syllables[random.below(syllables.size())];
    if (random.below(5) == 0) word[0] = static_cast<char>(word[0] & ~0x20);
    words.push_back(random.below(8) == 0 ? std::to_string(random.below(100000)) : word);
  }
  std::vector<std::string> lines;
  for (int i = 0; i < 500; ++i) {
    std::string line;
    for (std::uint64_t count = random.below(60); count > 0; --count)
      line += " " + words[random.below(1 + random.below(words.size()))];
    lines.push_back(line.empty() ? " " : line + " . ");
  }
  return lines;
}

// Characters and words that a normalizer, a space or a piece may meet in an odd way.
const std::vector<std::string_view> kOdd{" ",
                                         "  ",
                                         "   ",
                                         "a",
                                         "the",
                                         "<unk>",
                                         "</s>",
                                         "of the",
                                         "\t",
                                         "\xC2\xA0",
                                         "\xE2\x96\x81",
                                         "\xE3\x80\x80",
                                         "\xCC\x81",
                                         "\xC2\xA8",
                                         "\xCE\x85",
                                         "\xE2\x80\x8B",
                                         "\xEF\xBB\xBF",
                                         "\x01",
                                         "\x7F",
                                         "\xEF\xAC\x81",
                                         "\xE4\xB8\xAD",
                                         "\xE6\x96\x87",
                                         "\xEF\xBD\xB6",
                                         "\xEF\xBE\x9E",
                                         "1",
                                         "000",
                                         ".",
                                         "@-@",
                                         "caf\xC3\xA9",
                                         "\xF0\x9F\x98\x80",
                                         "\xE2\x80\x8D",
                                         "\xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x92\xBB",
                                         "zzzzzzzz",
                                         "ZQ"};

std::vector<std::string> odd_lines() {
  RandomStream random(11, RandomPurpose::Sampling, 0);
  std::vector<std::string> lines{"", " ", "  ", "\t", "\xE2\x96\x81", std::string("a\0b c", 5)};
  for (int i = 0; i < 1500; ++i) {
    std::string line;
    for (std::uint64_t words = 1 + random.below(12); words > 0; --words) {
      line += kOdd[random.below(kOdd.size())];
      if (random.below(2) == 0) line += ' ';
    }
    lines.push_back(line);
  }
  std::string all;
  for (const std::string& line : text_lines())
    if (all.size() < 150000) all += line;
  lines.push_back(all + all);  // one whose sum of scores is large
  return lines;
}

// Gives lines to the library's trainer.
class Lines final : public sentencepiece::SentenceIterator {
 public:
  explicit Lines(const std::vector<std::string>& lines) : lines_(lines) {}
  bool done() const override { return at_ == lines_.size(); }
  void Next() override { ++at_; }
  const std::string& value() const override { return lines_[at_]; }
  sentencepiece::util::Status status() const override { return {}; }

 private:
  const std::vector<std::string>& lines_;
  std::size_t at_ = 0;
};

std::string train(const Options& chosen) {
  const std::vector<std::string> lines = text_lines();
  Lines iterator(lines);
  Options options{{"vocab_size", "600"},       {"hard_vocab_limit", "false"},
                  {"num_threads", "1"},        {"minloglevel", "3"},
                  {"num_sub_iterations", "1"}, {"seed_sentencepiece_size", "5000"}};
  for (const auto& [name, value] : chosen) options[name] = value;
  std::string model;
  const auto status = sentencepiece::SentencePieceTrainer::Train(options, &iterator, &model);
  INFO(status.ToString());
  REQUIRE(status.ok());
  return model;
}

std::vector<std::int32_t> library_ids(const sentencepiece::SentencePieceProcessor& library,
                                      const std::string& line) {
  std::vector<int> ids;
  REQUIRE(library.Encode(line, &ids).ok());
  return {ids.begin(), ids.end()};
}

// Encodes the lines in order with one encoder, twice, and returns how many differ from the
// library's.
int differing_lines(const std::string& model, const std::vector<std::string>& lines) {
  sentencepiece::SentencePieceProcessor library;
  REQUIRE(library.LoadFromSerializedProto(model).ok());
  const SentencePieceParts parts(library, model);
  REQUIRE(parts.words.obstacle() == "");
  SentencePieceEncoder encoder(parts);
  int differing = 0;
  for (int pass = 0; pass < 2; ++pass) {
    for (const std::string& line : lines) {
      std::vector<std::int32_t> ids{-7};
      encoder.encode(line, ids);
      ids.erase(ids.begin());
      if (ids == library_ids(library, line)) continue;
      if (differing++ == 0) UNSCOPED_INFO("line: " << line.substr(0, 200));
    }
  }
  return differing;
}

const Options kLossless{{"normalization_rule_name", "identity"},
                        {"add_dummy_prefix", "false"},
                        {"remove_extra_whitespaces", "false"},
                        {"byte_fallback", "true"}};

Options with(Options options, const Options& more) {
  for (const auto& [name, value] : more) options[name] = value;
  return options;
}

const std::vector<std::pair<std::string, Options>> kModels{
    {"lossless", kLossless},
    {"library's defaults, characters unknown", {{"character_coverage", "0.98"}}},
    {"bytes under the library's normalizer", {{"byte_fallback", "true"}}},
    {"spaces kept behind a dummy space",
     {{"normalization_rule_name", "identity"}, {"remove_extra_whitespaces", "false"}}},
    {"spaces as suffixes", {{"treat_whitespace_as_suffix", "true"}}},
    {"spaces as suffixes, kept",
     with(kLossless, {{"treat_whitespace_as_suffix", "true"}, {"add_dummy_prefix", "true"}})},
    {"pieces of spaces", with(kLossless, {{"allow_whitespace_only_pieces", "true"},
                                          {"user_defined_symbols", "\xE2\x96\x81\xE2\x96\x81"}})},
    {"symbols of the user",
     {{"user_defined_symbols", "<unk>,the,zz,\xE4\xB8\xAD\xE6\x96\x87"},
      {"unk_piece", "<unknown>"}}},
    {"a symbol with a space", {{"user_defined_symbols", "the, ZQ"}}},
    {"case folded", {{"normalization_rule_name", "nmt_nfkc_cf"}}},
};

TEST_CASE("sentencepiece encoder: ids of words in lines are the library's ids of lines") {
  const std::vector<std::string> text = text_lines(), odd = odd_lines();
  for (const char* type : {"unigram", "bpe"}) {
    for (const auto& [name, options] : kModels) {
      INFO(type << ", " << name);
      const std::string model = train(with(options, {{"model_type", type}}));
      CHECK(differing_lines(model, text) == 0);
      CHECK(differing_lines(model, odd) == 0);
    }
  }
  for (const char* type : {"word", "char"}) {
    INFO(type);
    const std::string model = train({{"model_type", type}});
    CHECK(differing_lines(model, text) == 0);
    CHECK(differing_lines(model, odd) == 0);
  }
}

std::string obstacle_of(const Options& options) {
  const std::string model = train(options);
  sentencepiece::SentencePieceProcessor library;
  REQUIRE(library.LoadFromSerializedProto(model).ok());
  return SentencePieceParts(library, model).words.obstacle();
}

TEST_CASE("sentencepiece encoder: a model whose pieces or rules touch spaces is not cut") {
  CHECK_THAT(obstacle_of({{"split_by_whitespace", "false"}}),
             ContainsSubstring("reaches across a space"));
  CHECK_THAT(obstacle_of({{"user_defined_symbols", "of\xE2\x96\x81the"}}),
             ContainsSubstring("its piece \"of\xE2\x96\x81the\" reaches across a space"));
  CHECK_THAT(obstacle_of({{"user_defined_symbols", "of the"}}),
             ContainsSubstring("its piece \"of the\" reaches across a space"));
  CHECK_THAT(obstacle_of({{"user_defined_symbols", "  "}}), ContainsSubstring("a rule for spaces"));
}

std::string field(int number, const std::string& content) {
  return static_cast<char>(number << 3 | 2) + std::string(1, static_cast<char>(content.size())) +
         content;
}

std::string piece(const std::string& text, float score, char type = 1) {
  std::string number(4, '\0');
  std::memcpy(number.data(), &score, 4);
  return field(1, field(1, text) + "\x15" + number + "\x18" + type);
}

TEST_CASE("sentencepiece encoder: words that are equally likely in two ways follow the roundings") {
  const std::string space = "\xE2\x96\x81";
  const std::string model = piece("<unk>", 0, 2) + piece("<s>", 0, 3) + piece("</s>", 0, 3) +
                            piece(space, -1.3f) + piece("a", -1.1f) + piece("aa", -2.2f) +
                            piece("aaa", -3.3f) + piece(space + "a", -2.4f) +
                            piece(space + "aa", -3.5f) + piece("b", -0.7f) + field(2, "\x18\x01") +
                            field(3, std::string("\x18\x00\x20\x00", 4));
  RandomStream random(3, RandomPurpose::Sampling, 0);
  std::vector<std::string> lines(40);
  for (std::size_t i = 0; i < lines.size(); ++i)
    for (std::size_t words = 0; words < 60 * (i + 1); ++words)
      lines[i] += std::string(random.below(5), 'b') + " " + std::string(1 + random.below(7), 'a');
  CHECK(differing_lines(model, lines) == 0);

  // The same word comes out in several ways, or this would prove nothing.
  sentencepiece::SentencePieceProcessor library;
  REQUIRE(library.LoadFromSerializedProto(model).ok());
  std::set<std::vector<std::int32_t>> ways;
  for (std::size_t words = 0; words < 200; ++words) {
    std::string line;
    for (std::size_t i = 0; i < words; ++i) line += " b";
    const auto before = library_ids(library, line), all = library_ids(library, line + " aaaaaa");
    ways.emplace(all.begin() + static_cast<std::ptrdiff_t>(before.size()), all.end());
  }
  CHECK(ways.size() > 1);
}

TEST_CASE("sentencepiece encoder: more words than are remembered change nothing") {
  std::vector<std::string> lines;
  for (int i = 0; i < 2800; ++i) {
    std::string line;
    for (int word = 0; word < 100; ++word) line += " w" + std::to_string(i * 100 + word);
    lines.push_back(line);
  }
  CHECK(differing_lines(train(kLossless), lines) == 0);
}

}  // namespace
}  // namespace longspan
