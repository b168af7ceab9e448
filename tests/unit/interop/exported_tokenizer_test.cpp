// The tokenizer files of a folder for transformers. That the ids are equal there is tested in
// tests/differential/other_programs.

#include "interop/exported_tokenizer.h"

#include <catch2/catch_test_macros.hpp>

#include "longspan/core/files.h"
#include "longspan/core/json.h"
#include "longspan/interop/folder_tokenizer.h"
#include "support/temporary_folder.h"

namespace longspan {
namespace {

using interop::write_folder_tokenizer;

std::unique_ptr<Tokenizer> built(TokenizerKind kind, std::int64_t vocab_size = 0,
                                 bool end_of_line = true,
                                 const std::string& model_type = "unigram") {
  TokenizerConfig config;
  config.kind = kind;
  config.vocab_size = vocab_size;
  config.end_of_line = end_of_line;
  config.model_type = model_type;
  return build_tokenizer(config, [](const auto& emit) {
    for (int i = 0; i < 3000; ++i) emit("number " + std::to_string(i * 7919));
  });
}

TEST_CASE("exported tokenizer: bytes are 256 tokens without merges, a line break in front") {
  const testing::TemporaryFolder folder;
  const auto tokenizer = built(TokenizerKind::Bytes);
  REQUIRE(write_folder_tokenizer(*tokenizer, folder.path()) == "tokenizer.json");
  const Json document = read_json(folder.path() / "tokenizer.json");
  const Json& vocab = document["model"]["vocab"];
  CHECK(vocab.size() == 256);
  CHECK(vocab["A"] == 65);
  CHECK(vocab["\u0120"] == 32);
  CHECK(vocab["\u010A"] == 10);
  CHECK(vocab["\u00FF"] == 255);
  CHECK(vocab["\u0143"] == 0xAD);
  CHECK_FALSE(std::filesystem::exists(folder.path() / "dict.txt"));
  CHECK(document["model"]["merges"].empty());
  CHECK(document["post_processor"]["special_tokens"]["\u010A"]["ids"] == Json({10}));
}

TEST_CASE("exported tokenizer: words keep their ids, line ends only where there are") {
  for (const bool end_of_line : {true, false}) {
    const testing::TemporaryFolder folder;
    const auto tokenizer = built(TokenizerKind::Word, 0, end_of_line);
    REQUIRE(write_folder_tokenizer(*tokenizer, folder.path()) == "tokenizer.json");
    const Json document = read_json(folder.path() / "tokenizer.json");
    const Json& vocab = document["model"]["vocab"];
    CHECK(std::ssize(vocab) == tokenizer->vocab_size());
    CHECK(vocab["</s>"] == 2);
    CHECK(vocab["<unk>"] == 3);
    CHECK(vocab["number"] == 4);
    CHECK(document["added_tokens"].empty());
    CHECK(document["normalizer"].is_null() == !end_of_line);
  }
}

// What tokenizer.model of a folder gives here.
std::vector<std::int32_t> ids_of_model(const std::filesystem::path& folder, const char* text) {
  const auto document =
      config::Document::from_text("tokenizer: " + folder_tokenizer(folder, 300) + "\n", "c.yaml");
  const auto tokenizer =
      build_tokenizer(read_tokenizer_config(document.root().section("tokenizer")), {});
  std::vector<std::int32_t> ids{tokenizer->start_id()};
  tokenizer->encode_line(text, ids);
  return ids;
}

TEST_CASE("exported tokenizer: a SentencePiece model goes out as it is, and comes back") {
  for (const std::string model_type : {"unigram", "bpe"}) {
    const testing::TemporaryFolder folder;
    const auto tokenizer = built(TokenizerKind::SentencePiece, 300, true, model_type);
    const auto saved = folder.path() / "saved", out = folder.path() / "out";
    make_folder(saved);
    make_folder(out);
    tokenizer->save(saved);
    const bool is_unigram = model_type == "unigram";
    CHECK(write_folder_tokenizer(*tokenizer, out) ==
          (is_unigram ? "tokenizer.json" : "tokenizer.model"));
    CHECK(read_file(out / "tokenizer.model") == read_file(saved / "sentencepiece.model"));
    const Json settings = read_json(out / "tokenizer_config.json");
    CHECK(settings.value("bos_token", "") == (is_unigram ? "" : "</s>"));
    std::vector<std::int32_t> ids{tokenizer->start_id()};
    tokenizer->encode_line("number 7919 is new", ids);
    if (!is_unigram) ids.pop_back();  // LLaMA's class ends no line
    CHECK(ids_of_model(out, "number 7919 is new") == ids);
  }
}

TEST_CASE("exported tokenizer: a unigram model as tokenizer.json") {
  const testing::TemporaryFolder folder;
  const auto tokenizer = built(TokenizerKind::SentencePiece, 300);
  write_folder_tokenizer(*tokenizer, folder.path());
  const Json document = read_json(folder.path() / "tokenizer.json");
  const Json& vocab = document["model"]["vocab"];
  CHECK(vocab.size() == 300);
  CHECK(vocab[2] == Json::array({"\n", 0.0}));
  CHECK(document["model"]["unk_id"] == 0);
  CHECK(vocab[0] == Json::array({" <unknown>", 0.0}));
  CHECK(document["added_tokens"].size() == 2);  // the line's end and <unk>
  CHECK(document["added_tokens"][1]["id"] == 3);
}

TEST_CASE("exported tokenizer: ids have none") {
  const testing::TemporaryFolder folder;
  CHECK(write_folder_tokenizer(*built(TokenizerKind::Ids, 9), folder.path()) == "");
  CHECK(std::filesystem::is_empty(folder.path()));
}

}  // namespace
}  // namespace longspan
