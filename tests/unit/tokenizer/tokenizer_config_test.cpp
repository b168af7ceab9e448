// The tokenizer section of a config, and the folder of a saved tokenizer.
#include <catch2/catch_test_macros.hpp>
#include <string>

#include "longspan/config/reader.h"
#include "longspan/core/files.h"
#include "longspan/tokenizer/tokenizer.h"
#include "support/temporary_folder.h"
#include "unit/tokenizer/caught.h"

namespace longspan {
namespace {

using testing::Caught;
using testing::caught;

TokenizerConfig read(const std::string& options) {
  const auto document =
      config::Document::from_text("data: {tokenizer: {" + options + "}}\n", "c.yaml", "/configs");
  const config::Reader data = document.root().section("data");
  return read_tokenizer_config(data.section("tokenizer"));
}

Caught refused(const std::string& options) {
  return caught([&] { read(options); });
}

}  // namespace

TEST_CASE("tokenizer config: each kind has its options and defaults") {
  std::vector<std::string> names;
  for (const TokenizerKind kind : tokenizer_kinds()) names.push_back(name_of(kind));
  CHECK(names == std::vector<std::string>{"word", "sentencepiece", "bytes", "ids"});
  const TokenizerConfig word = read("");
  CHECK(word.kind == TokenizerKind::Word);
  CHECK(word.end_of_line);
  CHECK(word.pad_multiple == 8);
  CHECK(read("kind: word, end_of_line: false, pad_multiple: 3").pad_multiple == 3);
  const TokenizerConfig trained = read("kind: sentencepiece, vocab_size: 500, model_type: bpe");
  CHECK(trained.train);
  CHECK(trained.vocab_size == 500);
  CHECK(trained.model_type == "bpe");
  const TokenizerConfig loaded = read("kind: sentencepiece, model: spm.model, end_of_line: false");
  CHECK_FALSE(loaded.train);
  CHECK(loaded.model == "/configs/spm.model");
  CHECK_FALSE(loaded.end_of_line);
  CHECK(read("kind: bytes").kind == TokenizerKind::Bytes);
  CHECK(word.dictionary.empty());
  CHECK(read("dictionary: dict.txt").dictionary == "/configs/dict.txt");
  CHECK(read("kind: ids, vocab_size: 7").vocab_size == 7);
}

TEST_CASE("tokenizer config: the description holds the options that have an effect") {
  CHECK(describe_tokenizer_config(read("")) ==
        R"({"kind":"word","end_of_line":true,"pad_multiple":8})");
  CHECK(describe_tokenizer_config(read("kind: bytes")) == R"({"kind":"bytes"})");
  CHECK(describe_tokenizer_config(read("kind: ids, vocab_size: 7")) ==
        R"({"kind":"ids","vocab_size":7})");
  CHECK(
      describe_tokenizer_config(read("kind: sentencepiece")) ==
      R"({"kind":"sentencepiece","end_of_line":true,"train":true,"vocab_size":8192,"model_type":"unigram"})");
  CHECK(describe_tokenizer_config(read("kind: sentencepiece, model: /m")) ==
        R"({"kind":"sentencepiece","end_of_line":true,"train":false,"model":"/m"})");
}

TEST_CASE("tokenizer config: an option without effect is refused at its place") {
  const auto says = [](const Caught& error, const std::string& key, const std::string& rest) {
    CHECK(error.kind == ErrorKind::Config);
    CHECK(error.text.starts_with("c.yaml:1:"));
    CHECK(error.text.ends_with(": data.tokenizer." + key + rest));
  };
  says(refused("kind: bytes, end_of_line: true"), "end_of_line",
       " has no effect with tokenizer kind bytes; remove it");
  says(refused("vocab_size: 500"), "vocab_size",
       " has no effect with tokenizer kind word; remove it");
  says(refused("kind: ids, vocab_size: 7, dictionary: d"), "dictionary",
       " has no effect with tokenizer kind ids; remove it");
  says(refused("kind: sentencepiece, pad_multiple: 8"), "pad_multiple",
       " has no effect with tokenizer kind sentencepiece; remove it");
  says(refused("kind: sentencepiece, train: true, model: m"), "model",
       " has no effect with data.tokenizer.train: true; remove it");
  says(refused("kind: sentencepiece, model: m, vocab_size: 500"), "vocab_size",
       " has no effect with a loaded model (data.tokenizer.model); remove it");
  says(refused("kind: sentencepiece, model: m, model_type: bpe"), "model_type",
       " has no effect with a loaded model (data.tokenizer.model); remove it");
}

TEST_CASE("tokenizer config: a key that only the library's trainer knows is an option of it") {
  const TokenizerConfig config = read(
      "kind: sentencepiece, user_defined_symbols: [\"a,b\", c], byte_fallback: false, "
      "character_coverage: 0.99");
  const std::vector<std::pair<std::string, std::string>> expected{
      {"byte_fallback", "false"},
      {"character_coverage", "0.99"},
      {"user_defined_symbols", "\"a,b\",c"}};
  CHECK(config.trainer_options == expected);
  CHECK(describe_tokenizer_config(config).find("\"character_coverage\":\"0.99\"") !=
        std::string::npos);
  CHECK(refused("kind: sentencepiece, charater_coverage: 0.99")
            .text.find("unknown key data.tokenizer.charater_coverage") != std::string::npos);
  CHECK(refused("kind: sentencepiece, model: m.model, byte_fallback: true")
            .text.find("unknown key data.tokenizer.byte_fallback") != std::string::npos);
  CHECK(
      refused("kind: sentencepiece, byte_fallback: 3.5")
          .text.find("data.tokenizer.byte_fallback must have a value that SentencePiece's trainer "
                     "takes, got 3.5: ") != std::string::npos);
  CHECK(refused("kind: sentencepiece, input: text.txt")
            .text.find("data.tokenizer.input is decided by longspan") != std::string::npos);
}

TEST_CASE("tokenizer config: wrong values name the key") {
  for (const auto& [options, key] :
       {std::pair{"kind: sentence", "data.tokenizer.kind"},
        std::pair{"pad_multiple: 0", "data.tokenizer.pad_multiple"},
        std::pair{"pad_multipel: 8", "data.tokenizer.pad_multipel"},
        std::pair{"kind: sentencepiece, vocab_size: 299", "data.tokenizer.vocab_size"},
        std::pair{"kind: ids", "data.tokenizer.vocab_size"},
        std::pair{"kind: ids, vocab_size: 0", "data.tokenizer.vocab_size"},
        std::pair{"kind: ids, vocab_size: 2147483648", "data.tokenizer.vocab_size"},
        std::pair{"kind: sentencepiece, model_type: char", "data.tokenizer.model_type"},
        std::pair{"kind: sentencepiece, train: false", "data.tokenizer.model"}}) {
    const Caught error = refused(options);
    CAPTURE(options, error.text);
    CHECK(error.kind == ErrorKind::Config);
    CHECK(error.text.find(key) != std::string::npos);
  }
}

TEST_CASE("tokenizer folder: what is not a saved tokenizer is refused") {
  const testing::TemporaryFolder folder;
  const std::string path = (folder.path() / "tokenizer.json").string();
  const auto load_with = [&](const std::string& description) {
    write_file_durably(path, description);
    return caught([&] { load_tokenizer(folder.path()); });
  };
  const auto missing = caught([&] { load_tokenizer(folder.path()); });
  CHECK(missing.kind == ErrorKind::Data);
  CHECK(missing.text.starts_with("a tokenizer must be loadable from " + folder.path().string() +
                                 ": " + path));
  CHECK(load_with(R"({"format": "longspan.tokenizer/9"})").text ==
        path + ": format must be longspan.tokenizer/1, got longspan.tokenizer/9");
  CHECK(load_with(R"({"format": "longspan.tokenizer/1", "kind": "letters"})").text ==
        path + ": kind must be a known tokenizer kind, got letters");
  CHECK(load_with(R"({"format": 1})")
            .text.starts_with(path + ": a field is missing or of the wrong type: "));
  CHECK(load_with(R"({"format": "longspan.tokenizer/1", "kind": "bytes"})")
            .text.starts_with(path + ": a field is missing or of the wrong type: "));
  CHECK(load_with(R"({"format": "longspan.tokenizer/1", "kind": "bytes", "fingerprint": "0"})")
            .text.starts_with(folder.path().string() +
                              ": the tokenizer is damaged: its fingerprint must be 0, got "));
  CHECK(load_with("{").kind == ErrorKind::Data);
  CHECK(
      load_with(
          R"({"format": "longspan.tokenizer/1", "kind": "word", "end_of_line": true, "fingerprint": "0"})")
          .kind == ErrorKind::Data);
}

}  // namespace longspan
