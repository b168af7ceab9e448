// The word vocabulary from an existing dict.txt.
#include <catch2/catch_test_macros.hpp>
#include <string>
#include <vector>

#include "longspan/core/files.h"
#include "longspan/tokenizer/tokenizer.h"
#include "support/temporary_folder.h"
#include "unit/tokenizer/caught.h"

namespace longspan {
namespace {

TokenizerConfig with_dictionary(const std::filesystem::path& path, std::int64_t pad_multiple = 1) {
  TokenizerConfig config;
  config.dictionary = path.string();
  config.pad_multiple = pad_multiple;
  return config;
}

// A training text that must not be read.
void no_lines(const std::function<void(std::string_view)>&) {
  throw Error(ErrorKind::Internal, "the training text was read");
}

class Dictionary {
 public:
  explicit Dictionary(const std::string& text) { write(text); }
  void write(const std::string& text) const { write_file_durably(path(), text); }
  std::filesystem::path path() const { return folder_.path() / "words.txt"; }

 private:
  testing::TemporaryFolder folder_;
};

}  // namespace

TEST_CASE("dictionary: ids follow the file and the training text is not read") {
  const Dictionary dictionary("the 9\nof 3\na b 5\nmadeupword0000 0\n");
  const auto tokenizer = build_tokenizer(with_dictionary(dictionary.path()), no_lines);
  CHECK(tokenizer->vocab_size() == 8);
  std::vector<std::int32_t> ids;
  tokenizer->encode_line("of the unseen <pad> madeupword0000", ids);
  CHECK(ids == std::vector<std::int32_t>{5, 4, 3, 1, 7, 2});
}

TEST_CASE("dictionary: filled to a multiple as fairseq does, past symbols that are there") {
  const Dictionary dictionary("the 9\nmadeupword0001 0\n");
  const auto tokenizer = build_tokenizer(with_dictionary(dictionary.path(), 4), no_lines);
  CHECK(tokenizer->vocab_size() == 8);
  CHECK(tokenizer->decode(std::vector{4, 5, 6, 7}) ==
        "the madeupword0001 madeupword0000 madeupword0002");
  CHECK(build_tokenizer(with_dictionary(dictionary.path(), 3), no_lines)->vocab_size() == 6);
}

TEST_CASE("dictionary: what is saved loads to the same ids") {
  const Dictionary dictionary("the 9\nof 3\n");
  const testing::TemporaryFolder folder;
  const auto tokenizer = build_tokenizer(with_dictionary(dictionary.path(), 8), no_lines);
  tokenizer->save(folder.path());
  const auto loaded = load_tokenizer(folder.path());
  CHECK(loaded->vocab_size() == 8);
  CHECK(loaded->fingerprint() == tokenizer->fingerprint());
}

TEST_CASE("dictionary: the description follows the content and not the path") {
  const Dictionary one("the 9\n"), same("the 9\n"), other("of 9\n");
  const auto description = [](const Dictionary& dictionary) {
    return describe_tokenizer_config(with_dictionary(dictionary.path()));
  };
  CHECK(description(one) == description(same));
  CHECK(description(one) != description(other));
}

TEST_CASE("dictionary: a file that is missing or damaged is refused") {
  const Dictionary dictionary("the 9\nof\n");
  const std::string path = dictionary.path().string();
  const auto refusal = [&](const std::string& name) {
    const auto error = testing::caught([&] { build_tokenizer(with_dictionary(name), no_lines); });
    CHECK(error.kind == ErrorKind::Data);
    return error.text;
  };
  CHECK(refusal(path) == path + ":2: a line must be a word, a space and a count, got 'of'");
  dictionary.write("the 9\nthe 3\n");
  CHECK(refusal(path) == path + ":2: a word must stand once, got again 'the'");
  dictionary.write("the 9\nof 3");
  CHECK(refusal(path) == path + ": must end with a line break; it is truncated");
  dictionary.write("the 9\ncaf\xE9 3\n");
  CHECK(refusal(path) ==
        path + ":2: a dictionary must be UTF-8, found byte 0xe9 at byte 9 of the file");
  CHECK(refusal(path + ".absent")
            .starts_with("data.tokenizer.dictionary must be readable: " + path + ".absent"));
}

TEST_CASE("dictionary: a file that is none is refused by what it is") {
  const auto refusal = [](std::string_view content) {
    const Dictionary dictionary{std::string(content)};
    const std::string begin =
        dictionary.path().string() +
        ": must be a dictionary, lines of a word, a space and a count, found ";
    const auto error =
        testing::caught([&] { build_tokenizer(with_dictionary(dictionary.path()), no_lines); });
    CHECK(error.kind == ErrorKind::Data);
    CHECK(error.text.starts_with(begin));
    return error.text.substr(std::min(begin.size(), error.text.size()));
  };
  CHECK(refusal("") == "an empty file");
  CHECK(refusal("\xEF\xBB\xBF") == "an empty file");
  CHECK(refusal("\x1F\x8B\x08").starts_with("gzip data"));
  CHECK(refusal(std::string_view("\xFF\xFEt\0h\0", 6)).starts_with("UTF-16 text"));
  CHECK(refusal("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
            .starts_with("a Git LFS pointer"));
  CHECK(refusal("{\"the\": 4, \"of\": 5}\n").starts_with("JSON"));
  CHECK(refusal("<!DOCTYPE html>\n<html>\n").starts_with("an HTML page"));
}

TEST_CASE("dictionary: line breaks of two bytes and a byte order mark are no part of the words") {
  const Dictionary plain("the 9\nof 3\n"), marked("\xEF\xBB\xBFthe 9\r\nof 3\r\n");
  const auto tokenizer = build_tokenizer(with_dictionary(marked.path()), no_lines);
  CHECK(tokenizer->fingerprint() ==
        build_tokenizer(with_dictionary(plain.path()), no_lines)->fingerprint());
}

TEST_CASE("dictionary: a tokenizer whose first word begins with a byte order mark loads again") {
  const testing::TemporaryFolder folder;
  const auto tokenizer =
      build_tokenizer(TokenizerConfig{}, [](const auto& emit) { emit("\xEF\xBB\xBFthe"); });
  tokenizer->save(folder.path());
  CHECK(load_tokenizer(folder.path())->fingerprint() == tokenizer->fingerprint());
}

TEST_CASE("dictionary: words that it lacks are counted, those that are <unk> in the text are not") {
  const Dictionary dictionary("the 9\nof 3\n");
  const auto tokenizer = build_tokenizer(with_dictionary(dictionary.path()), no_lines);
  std::vector<std::int32_t> ids;
  CHECK(tokenizer->encode_line("the cat of <unk> cat", ids) == 2);
  CHECK(tokenizer->encode_line("the of", ids) == 0);
  CHECK(ids == std::vector<std::int32_t>{4, 3, 5, 3, 3, 2, 4, 5, 2});
}

}  // namespace longspan
