// What every kind of tokenizer must keep to, on random text of the form that it takes.
#include <catch2/catch_test_macros.hpp>
#include <string>
#include <vector>

#include "longspan/core/random.h"
#include "longspan/tokenizer/tokenizer.h"
#include "longspan/tokenizer/words.h"
#include "support/temporary_folder.h"

namespace longspan {
namespace {

void append_utf8(std::string& text, std::uint64_t point) {
  const auto byte = [&](std::uint64_t value) {
    text += static_cast<char>(static_cast<unsigned char>(value));
  };
  if (point < 0x80) {
    byte(point);
  } else if (point < 0x800) {
    byte(0xC0 | point >> 6);
    byte(0x80 | (point & 0x3F));
  } else if (point < 0x10000) {
    byte(0xE0 | point >> 12);
    byte(0x80 | (point >> 6 & 0x3F));
    byte(0x80 | (point & 0x3F));
  } else {
    byte(0xF0 | point >> 18);
    byte(0x80 | (point >> 12 & 0x3F));
    byte(0x80 | (point >> 6 & 0x3F));
    byte(0x80 | (point & 0x3F));
  }
}

// Any code points but line breaks, surrogates and U+2581, which SentencePiece writes a space with.
std::string random_line(RandomStream& random) {
  std::string line;
  const std::uint64_t length = random.below(40);
  for (std::uint64_t i = 0; i < length; ++i) {
    const std::uint64_t range = random.below(4);
    std::uint64_t point = range == 0   ? ' '
                          : range == 1 ? 'a' + random.below(26)
                                       : random.below(0x110000);
    if (point == '\n' || point == '\r' || point == 0x2581 || (point >= 0xD800 && point < 0xE000))
      point = '#';
    append_utf8(line, point);
  }
  return line;
}

constexpr std::int64_t kVocabSize = 340;

std::string random_ids(RandomStream& random) {
  std::string line;
  for (std::uint64_t i = random.below(12); i > 0; --i)
    line += std::to_string(random.below(kVocabSize)) + (random.below(3) == 0 ? " \t" : " ");
  return line;
}

std::vector<std::string> random_lines(TokenizerKind kind, std::uint64_t seed) {
  RandomStream random(seed, RandomPurpose::Sampling, 0);
  std::vector<std::string> lines;
  for (int i = 0; i < 300; ++i)
    lines.push_back(kind == TokenizerKind::Ids ? random_ids(random) : random_line(random));
  return lines;
}

LineSource source_of(const std::vector<std::string>& lines) {
  return [lines](const std::function<void(std::string_view)>& emit) {
    for (const std::string& line : lines) emit(line);
  };
}

std::vector<TokenizerConfig> configs() {
  std::vector<TokenizerConfig> configs;
  for (const TokenizerKind kind : tokenizer_kinds()) {
    TokenizerConfig config;
    config.kind = kind;
    config.vocab_size = kVocabSize;
    configs.push_back(config);
  }
  return configs;
}

std::unique_ptr<Tokenizer> build(const TokenizerConfig& config) {
  std::vector<std::string> lines = random_lines(config.kind, 1);
  RandomStream random(5, RandomPurpose::Sampling, 0);
  std::vector<std::string> words(300);
  for (std::string& word : words) {
    for (std::uint64_t letters = 3 + random.below(6); letters > 0; --letters) {
      word += static_cast<char>('a' + random.below(12));
    }
  }
  for (int i = 0; i < 600; ++i)
    lines.push_back(" The " + words[random.below(300)] + " " + words[random.below(300)] + " . ");
  // Rare characters need a piece each in a SentencePiece model, and this one is small.
  if (config.kind == TokenizerKind::SentencePiece) lines.erase(lines.begin(), lines.begin() + 300);
  return build_tokenizer(config, source_of(lines));
}

std::string prefixed(const std::string& words) { return words.empty() ? "" : " " + words; }

std::string joined_words(std::string_view line) {
  std::string joined;
  for (std::string_view word = next_word(line); !word.empty(); word = next_word(line)) {
    if (!joined.empty()) joined += ' ';
    joined += word;
  }
  return joined;
}

}  // namespace

TEST_CASE("every tokenizer: ids lie in the vocabulary and a line has one end, or none with ids") {
  for (const TokenizerConfig& config : configs()) {
    CAPTURE(name_of(config.kind));
    const auto tokenizer = build(config);
    CHECK(tokenizer->kind() == name_of(config.kind));
    CHECK(tokenizer->start_id() >= 0);
    CHECK(tokenizer->start_id() < tokenizer->vocab_size());
    const bool ends = config.kind != TokenizerKind::Ids;
    for (const std::string& line : random_lines(config.kind, 2)) {
      std::vector<std::int32_t> ids = {-7};
      tokenizer->encode_line(line, ids);
      REQUIRE(ids[0] == -7);  // appended, not replaced
      REQUIRE(ids.size() >= (ends ? 2 : 1));
      for (std::size_t i = 1; i < ids.size(); ++i) {
        REQUIRE(ids[i] >= 0);
        REQUIRE(ids[i] < tokenizer->vocab_size());
        REQUIRE(tokenizer->ends_line(ids[i]) == (ends && i + 1 == ids.size()));
      }
    }
  }
}

TEST_CASE(
    "every tokenizer: decoding gives the text back, words and ids joined by one space, ids without "
    "line breaks") {
  for (const TokenizerConfig& config : configs()) {
    CAPTURE(name_of(config.kind));
    const auto tokenizer = build(config);
    const bool words = config.kind == TokenizerKind::Word;
    std::vector<std::int32_t> ids;
    std::string expected;
    // Only known words come back.
    for (const std::string& line : random_lines(config.kind, words ? 1 : 3)) {
      tokenizer->encode_line(line, ids);
      if (config.kind == TokenizerKind::Ids)
        expected += expected.empty() ? joined_words(line) : prefixed(joined_words(line));
      else
        expected += (words ? joined_words(line) : line) + "\n";
    }
    CHECK(tokenizer->decode(ids) == expected);
  }
}

TEST_CASE("every tokenizer: an encoder gives the ids of the lines") {
  for (const TokenizerConfig& config : configs()) {
    CAPTURE(name_of(config.kind));
    const auto tokenizer = build(config);
    const auto encoder = tokenizer->make_encoder();
    for (int pass = 0; pass < 2; ++pass) {
      for (const std::string& line : random_lines(config.kind, 5)) {
        std::vector<std::int32_t> ids = {-7}, expected = {-7};
        const std::int64_t unknown = tokenizer->encode_line(line, expected);
        CHECK(encoder->encode(line, ids) == unknown);
        CHECK(ids == expected);
      }
    }
  }
}

TEST_CASE("every tokenizer: building again and loading give the same ids") {
  for (const TokenizerConfig& config : configs()) {
    CAPTURE(name_of(config.kind));
    const auto tokenizer = build(config);
    const testing::TemporaryFolder folder;
    tokenizer->save(folder.path());
    const auto again = build(config);
    const auto loaded = load_tokenizer(folder.path());
    for (const Tokenizer* other : {again.get(), loaded.get()}) {
      CHECK(other->fingerprint() == tokenizer->fingerprint());
      CHECK(other->vocab_size() == tokenizer->vocab_size());
      std::vector<std::int32_t> ids, other_ids;
      for (const std::string& line : random_lines(config.kind, 4)) {
        tokenizer->encode_line(line, ids);
        other->encode_line(line, other_ids);
      }
      CHECK(other_ids == ids);
    }
  }
}

}  // namespace longspan
