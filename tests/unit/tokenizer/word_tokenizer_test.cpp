// The word vocabulary: order, ends of lines, saving. Its ids are compared in tests/golden.
#include <catch2/catch_test_macros.hpp>
#include <string>
#include <vector>

#include "longspan/core/files.h"
#include "longspan/tokenizer/tokenizer.h"
#include "support/paths.h"
#include "support/temporary_folder.h"
#include "unit/tokenizer/caught.h"

namespace longspan {
namespace {

using testing::caught;

LineSource lines_of(std::vector<std::string> lines) {
  return [lines = std::move(lines)](const std::function<void(std::string_view)>& emit) {
    for (const std::string& line : lines) emit(line);
  };
}

// Python's text mode, spelled out: the corpus reader of the data module is a level above this one.
std::vector<std::string> read_lines(const std::filesystem::path& path) {
  const std::string text = read_file(path);
  std::vector<std::string> lines(1);
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool pair = text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n';
    if (pair) continue;
    if (text[i] == '\n' || text[i] == '\r') {
      lines.emplace_back();
    } else {
      lines.back() += text[i];
    }
  }
  if (lines.back().empty()) lines.pop_back();
  return lines;
}

std::vector<std::int32_t> encode(const Tokenizer& tokenizer,
                                 const std::vector<std::string>& lines) {
  std::vector<std::int32_t> ids;
  for (const std::string& line : lines) tokenizer.encode_line(line, ids);
  return ids;
}

const std::filesystem::path kEdgeCases = testing::source_folder() / "tests/golden/dictionary_edge";

TokenizerConfig word_config(std::int64_t pad_multiple, bool end_of_line = true) {
  TokenizerConfig config;
  config.pad_multiple = pad_multiple;
  config.end_of_line = end_of_line;
  return config;
}

}  // namespace

TEST_CASE("word tokenizer: falling count, ties by code point, padded to a multiple") {
  const auto tokenizer = build_tokenizer(word_config(5), lines_of({"b a b c", "c  d"}));
  CHECK(tokenizer->vocab_size() == 10);
  CHECK(tokenizer->decode(std::vector{4, 5, 6, 7, 8, 9}) ==
        "b c a d madeupword0000 madeupword0001");
  CHECK(build_tokenizer(word_config(1), lines_of({"b a b c", "c  d"}))->vocab_size() == 8);
  CHECK(build_tokenizer(word_config(8), lines_of({"b a b c", "c  d"}))->vocab_size() == 8);
}

TEST_CASE("word tokenizer: lines end with </s>, or not at all when so configured") {
  const auto lines = lines_of({"a b", "b"});
  const auto with = build_tokenizer(word_config(1), lines);
  CHECK(encode(*with, {"a b", "", " b x"}) == std::vector<std::int32_t>{5, 4, 2, 2, 4, 3, 2});
  CHECK(with->decode(std::vector{5, 4, 2, 2, 4, 3, 2}) == "a b\n\nb <unk>\n");
  CHECK(with->start_id() == 2);
  CHECK(with->ends_line(2));
  CHECK_FALSE(with->ends_line(4));
  const auto without = build_tokenizer(word_config(1, false), lines);
  CHECK(encode(*without, {"a b", "", "b"}) == std::vector<std::int32_t>{5, 4, 4});
  CHECK_FALSE(without->ends_line(2));
  CHECK(without->start_id() == 2);
  CHECK(with->fingerprint() != without->fingerprint());
}

TEST_CASE("word tokenizer: the fingerprint follows the ids and not the counts") {
  const auto fingerprint = [](std::int64_t pad, std::vector<std::string> lines) {
    return build_tokenizer(word_config(pad), lines_of(std::move(lines)))->fingerprint();
  };
  CHECK(fingerprint(1, {"a a b"}) == fingerprint(1, {"a a a b"}));
  CHECK(fingerprint(1, {"a a b"}) != fingerprint(1, {"a b b"}));
  CHECK(fingerprint(1, {"a a b"}) != fingerprint(8, {"a a b"}));
}

TEST_CASE("word tokenizer: what is saved loads to the same ids") {
  const testing::TemporaryFolder folder;
  const auto saved =
      build_tokenizer(word_config(8), lines_of(read_lines(kEdgeCases / "train.txt")));
  saved->save(folder.path());
  const auto loaded = load_tokenizer(folder.path());
  CHECK(loaded->kind() == "word");
  CHECK(loaded->vocab_size() == saved->vocab_size());
  CHECK(loaded->fingerprint() == saved->fingerprint());
  const std::vector<std::string> lines = read_lines(kEdgeCases / "valid.txt");
  CHECK(encode(*loaded, lines) == encode(*saved, lines));
}

TEST_CASE("word tokenizer: a text without a word is refused") {
  const auto error = caught([] { build_tokenizer(word_config(8), lines_of({" ", ""})); });
  CHECK(error.kind == ErrorKind::Data);
  CHECK(error.text ==
        "the training text must hold at least one word for a word vocabulary, found none");
}

TEST_CASE("word tokenizer: an id outside the vocabulary is refused") {
  const auto tokenizer = build_tokenizer(word_config(8), lines_of({"a"}));
  for (const std::int32_t id : {-1, 8}) {
    const auto error = caught([&] { tokenizer->decode(std::vector{id}); });
    CHECK(error.kind == ErrorKind::Data);
    CHECK(error.text ==
          "a token id must be in 0 .. 7 for this word tokenizer, got " + std::to_string(id));
  }
}

TEST_CASE("word tokenizer: a damaged dict.txt is refused with its line") {
  const testing::TemporaryFolder folder;
  build_tokenizer(word_config(1), lines_of({"a b b"}))->save(folder.path());
  const std::string path = (folder.path() / "dict.txt").string();
  const auto load_with = [&](const std::string& dictionary) {
    write_file_durably(path, dictionary);
    return caught([&] { load_tokenizer(folder.path()); });
  };
  CHECK(load_with("b 2\na\n").text ==
        path + ":2: a line must be a word, a space and a count, got 'a'");
  CHECK(load_with("b 2\na -1\n").text ==
        path + ":2: a line must be a word, a space and a count, got 'a -1'");
  CHECK(load_with("b 2\na 1x\n").text ==
        path + ":2: a line must be a word, a space and a count, got 'a 1x'");
  CHECK(load_with("b 2\nb 1\n").text == path + ":2: a word must stand once, got again 'b'");
  CHECK(load_with("b 2\n<unk> 1\n").text == path + ":2: a word must stand once, got again '<unk>'");
  CHECK(load_with("b 2\na 1").text == path + ": must end with a line break; it is truncated");
  const auto other_words = load_with("b 2\nc 1\n");
  CHECK(other_words.kind == ErrorKind::Data);
  CHECK(other_words.text.starts_with(folder.path().string() +
                                     ": the tokenizer is damaged: its fingerprint must be "));
}

}  // namespace longspan
