// Text as it comes is the text of all tokens at once, for every kind of tokenizer.

#include "generate/text_stream.h"

#include <catch2/catch_test_macros.hpp>
#include <memory>

#include "longspan/core/error.h"
#include "longspan/core/random.h"
#include "longspan/core/utf8.h"

namespace longspan {
namespace {

using Ids = std::vector<std::int32_t>;

constexpr std::int64_t kVocabSize = 320;

std::unique_ptr<Tokenizer> build(TokenizerKind kind) {
  TokenizerConfig config;
  config.kind = kind;
  config.vocab_size = kVocabSize;
  return build_tokenizer(config, [](const std::function<void(std::string_view)>& emit) {
    RandomStream random(3, RandomPurpose::Sampling, 0);
    for (int line = 0; line < 200; ++line) {
      std::string text = "\xC3\xA9t\xC3\xA9 ";
      for (int word = 0; word < 12; ++word) {
        for (std::uint64_t letters = 1 + random.below(6); letters > 0; --letters)
          text += static_cast<char>('a' + random.below(26));
        text += ' ';
      }
      emit(text);
    }
  });
}

Ids some_ids(std::int64_t count, std::int64_t vocab_size, std::uint64_t seed) {
  RandomStream random(seed, RandomPurpose::Sampling, 1);
  Ids ids;
  for (std::int64_t i = 0; i < count; ++i)
    ids.push_back(static_cast<std::int32_t>(random.below(static_cast<std::uint64_t>(vocab_size))));
  return ids;
}

std::string streamed(const Tokenizer& tokenizer, const Ids& context, const Ids& ids) {
  TextStream stream(tokenizer, context);
  std::string text;
  for (const std::int32_t id : ids) text += stream.push(id);
  return text + stream.finish();
}

TEST_CASE("what comes piece by piece is the text of all tokens, behind that of the context") {
  for (const TokenizerKind kind : tokenizer_kinds()) {
    if (kind == TokenizerKind::Ids) continue;  // its text is numbers with a space between
    const auto tokenizer = build(kind);
    for (const std::int64_t context_size : {0, 1, 7, 300}) {
      INFO(tokenizer->kind() << " behind " << context_size);
      const Ids context = some_ids(context_size, tokenizer->vocab_size(), 4),
                ids = some_ids(900, tokenizer->vocab_size(), 5);
      Ids all = context;
      all.insert(all.end(), ids.begin(), ids.end());
      CHECK(tokenizer->decode(context) + streamed(*tokenizer, context, ids) ==
            tokenizer->decode(all));
    }
  }
}

TEST_CASE("a character comes whole") {
  const auto tokenizer = build(TokenizerKind::Bytes);
  for (const std::string character : {"\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x8C\x8D"}) {
    TextStream stream(*tokenizer, {});
    for (std::size_t i = 0; i + 1 < character.size(); ++i)
      CHECK(stream.push(static_cast<unsigned char>(character[i])) == "");
    CHECK(stream.push(static_cast<unsigned char>(character.back())) == character);
    CHECK(stream.finish() == "");
  }
}

TEST_CASE("a character that never becomes whole comes at the end") {
  const auto tokenizer = build(TokenizerKind::Bytes);
  TextStream stream(*tokenizer, {});
  CHECK(stream.push('a') == "a");
  CHECK(stream.push(0xE2) == "");
  CHECK(stream.push(0x82) == "");
  CHECK(stream.finish() == "\xE2\x82");
}

}  // namespace
}  // namespace longspan
