// The whitespace that separates words is that of Python's str.split().
#include "longspan/tokenizer/words.h"

#include <catch2/catch_test_macros.hpp>
#include <string>
#include <vector>

#include "longspan/core/error.h"
#include "longspan/core/random.h"
#include "tokenizer/word_scan.h"

namespace longspan {
namespace {

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  for (std::string_view word = next_word(text); !word.empty(); word = next_word(text))
    words.emplace_back(word);
  return words;
}

std::string utf8(unsigned point) {
  std::string text;
  if (point < 0x80) {
    text += static_cast<char>(point);
  } else if (point < 0x800) {
    text += static_cast<char>(0xC0 | point >> 6);
    text += static_cast<char>(0x80 | (point & 0x3F));
  } else {
    text += static_cast<char>(0xE0 | point >> 12);
    text += static_cast<char>(0x80 | (point >> 6 & 0x3F));
    text += static_cast<char>(0x80 | (point & 0x3F));
  }
  return text;
}

}  // namespace

TEST_CASE("words: blanks around and between words are dropped") {
  CHECK(words_of("  the  cat\tsat ") == std::vector<std::string>{"the", "cat", "sat"});
  CHECK(words_of("one") == std::vector<std::string>{"one"});
  CHECK(words_of("").empty());
  CHECK(words_of(" \t ").empty());
  CHECK(count_words(" a b  c ") == 3);
}

TEST_CASE("words: exactly the characters of str.isspace() separate") {
  const std::vector<unsigned> spaces = {
      0x09,   0x0A,   0x0B,   0x0C,   0x0D,   0x1C,   0x1D,   0x1E,   0x1F,   0x20,
      0x85,   0xA0,   0x1680, 0x2000, 0x2001, 0x2002, 0x2003, 0x2004, 0x2005, 0x2006,
      0x2007, 0x2008, 0x2009, 0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000};
  std::size_t found = 0;
  for (unsigned point = 1; point < 0xD800; ++point) {
    const std::size_t words = words_of(concat("a", utf8(point), "b")).size();
    if (words == 2) {
      REQUIRE(found < spaces.size());
      CHECK(point == spaces[found]);
      ++found;
    } else if (words != 1) {
      FAIL("code point " << point << " made " << words << " words");
    }
  }
  CHECK(found == spaces.size());
}

TEST_CASE("words: a cut or foreign byte sequence is part of a word") {
  CHECK(words_of("a\xE2\x80") == std::vector<std::string>{"a\xE2\x80"});
  CHECK(words_of("a\xC2") == std::vector<std::string>{"a\xC2"});
  CHECK(words_of("\xFF b") == std::vector<std::string>{"\xFF", "b"});
}

TEST_CASE("words: the scan of many bytes at a time finds the same words") {
  const std::vector<std::string> pieces{" ",
                                        "\t",
                                        "a",
                                        "word",
                                        "\xC3\xA9",
                                        "\xC2\xA0",
                                        "\xE3\x80\x80",
                                        "\xE2\x80\xA8",
                                        "\xE4\xB8\xAD",
                                        "\xE2\x80",
                                        "\xC2",
                                        "\x85",
                                        std::string(70, 'x'),
                                        std::string(70, ' ')};
  RandomStream random(4, RandomPurpose::Sampling, 0);
  for (int round = 0; round < 3000; ++round) {
    std::string text;
    for (std::uint64_t count = random.below(60); count > 0; --count)
      text += pieces[random.below(random.below(4) == 0 ? pieces.size() : 8)];
    std::vector<std::string> scanned;
    for_each_word(text, [&](std::string_view word) { scanned.emplace_back(word); });
    REQUIRE(scanned == words_of(text));
    REQUIRE(count_words(text) == static_cast<std::int64_t>(scanned.size()));
  }
}

}  // namespace longspan
