// The options of data.tokenizer that a folder of transformers comes to.

#include "longspan/interop/folder_tokenizer.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <string>
#include <vector>

#include "longspan/config/reader.h"
#include "longspan/core/error.h"
#include "longspan/core/files.h"
#include "longspan/core/json.h"
#include "longspan/tokenizer/tokenizer.h"
#include "support/temporary_folder.h"
#include "unit/tokenizer/caught.h"

namespace longspan {
namespace {

using Catch::Matchers::ContainsSubstring;
using testing::caught;

constexpr std::int64_t kPieces = 300;

/// A folder with a model of kPieces pieces.
class Folder {
 public:
  Folder() {
    TokenizerConfig config;
    config.kind = TokenizerKind::SentencePiece;
    config.vocab_size = kPieces;
    build_tokenizer(config, [](const auto& emit) {
      for (int i = 0; i < 3000; ++i) emit(" number " + std::to_string(i * 7919));
    })->save(folder_.path());
    std::filesystem::rename(path("sentencepiece.model"), path("tokenizer.model"));
  }

  std::string path(const std::string& name) const { return (folder_.path() / name).string(); }
  void settings(const Json& settings) const { write_json(path("tokenizer_config.json"), settings); }
  std::string options(std::int64_t vocab_size = kPieces) const {
    return folder_tokenizer(folder_.path(), vocab_size);
  }
  /// What the options beside kind, unit and model are.
  std::string more() const {
    const std::string all = options();
    const std::string common =
        "{kind: sentencepiece, unit: document, model: \"" + path("tokenizer.model") + "\"";
    REQUIRE(all.starts_with(common));
    return all.substr(common.size(), all.size() - common.size() - 1);
  }
  std::unique_ptr<Tokenizer> tokenizer() const {
    const auto document = config::Document::from_text("tokenizer: " + options() + "\n", "c.yaml");
    return build_tokenizer(read_tokenizer_config(document.root().section("tokenizer")), {});
  }

 private:
  testing::TemporaryFolder folder_;
};

TEST_CASE("folder tokenizer: without settings LLaMA's defaults hold") {
  const Folder folder;
  CHECK(folder.more() == "");
  CHECK(folder.tokenizer()->reads_documents());
  CHECK(folder.tokenizer()->vocab_size() == kPieces);
}

TEST_CASE("folder tokenizer: settings decide what begins a text and the blank before it") {
  const Folder folder;
  const std::vector<std::pair<Json, std::string>> cases{
      {Json::object(), ""},
      {{{"add_bos_token", true}, {"bos_token", "<s>"}}, ", start: \"<s>\""},
      {{{"bos_token", {{"content", "<s>"}, {"lstrip", false}}}}, ", start: \"<s>\""},
      {{{"add_bos_token", false}}, ", start: \"</s>\""},
      {{{"add_bos_token", false}, {"eos_token", {{"content", "<unk>"}}}}, ", start: \"<unk>\""},
      {{{"add_prefix_space", false}}, ", prefix_space: false"},
      {{{"tokenizer_class", "CodeLlamaTokenizerFast"}, {"add_eos_token", true}}, ""}};
  for (const auto& [settings, more] : cases) {
    INFO(settings.dump());
    folder.settings(settings);
    CHECK(folder.more() == more);
    CHECK_NOTHROW(folder.tokenizer());
  }
}

TEST_CASE("folder tokenizer: a document keeps its line breaks, whatever bytes end its lines") {
  const Folder folder;
  const auto tokenizer = folder.tokenizer();
  std::vector<std::int32_t> ids;
  tokenizer->encode_line("number 7919\n\nnumber 15838\n", ids);
  CHECK(tokenizer->decode(ids) == "number 7919\n\nnumber 15838\n");
}

TEST_CASE("folder tokenizer: another number of pieces, or no model, gives ids") {
  const Folder folder;
  CHECK(folder.options(kPieces + 1) == "{kind: ids, vocab_size: 301}");
  std::filesystem::remove(folder.path("tokenizer.model"));
  CHECK(folder.options() == "{kind: ids, vocab_size: 300}");
}

TEST_CASE("folder tokenizer: what is damaged is refused by its file and key") {
  const Folder folder;
  const auto refused = [&] {
    const auto error = caught([&] { folder.options(); });
    CHECK(error.kind == ErrorKind::Data);
    return error.text;
  };
  for (const auto& [key, value] : std::vector<std::pair<std::string, Json>>{
           {"add_bos_token", "yes"}, {"bos_token", 3}, {"tokenizer_class", Json::array()}}) {
    INFO(key);
    folder.settings({{key, value}});
    CHECK_THAT(refused(),
               ContainsSubstring(folder.path("tokenizer_config.json")) && ContainsSubstring(key));
  }
  folder.settings({{"bos_token", {{"text", "<s>"}}}});
  CHECK_THAT(refused(), ContainsSubstring("content"));
  write_file_durably(folder.path("tokenizer_config.json"), "{");
  CHECK_THAT(refused(), ContainsSubstring(folder.path("tokenizer_config.json")));
  std::filesystem::remove(folder.path("tokenizer_config.json"));
  write_file_durably(folder.path("tokenizer.model"),
                     "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n");
  CHECK_THAT(refused(), ContainsSubstring("tokenizer.model") && ContainsSubstring("LFS"));
}

}  // namespace
}  // namespace longspan
