// Tokenizers that went out come back with the same ids, and only where the file is still the one
// that went out.

#include "interop/own_tokenizer.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "interop/exported_tokenizer.h"
#include "longspan/config/reader.h"
#include "longspan/core/files.h"
#include "longspan/interop/folder_tokenizer.h"
#include "support/temporary_folder.h"
#include "unit/tokenizer/caught.h"

namespace longspan {
namespace {

namespace fs = std::filesystem;
using Catch::Matchers::ContainsSubstring;

constexpr std::int64_t kPieces = 300;

std::unique_ptr<Tokenizer> built(TokenizerKind kind, bool end_of_line = true) {
  TokenizerConfig config;
  config.kind = kind;
  config.vocab_size = kPieces;
  config.end_of_line = end_of_line;
  return build_tokenizer(config, [](const auto& emit) {
    for (int i = 0; i < 3000; ++i) emit("\"number\" \u00E9 " + std::to_string(i * 7919));
  });
}

// The tokenizer that import makes of a folder, for a model of so many ids.
std::unique_ptr<Tokenizer> imported(const fs::path& folder, std::int64_t vocab_size) {
  const auto document = config::Document::from_text(
      "tokenizer: " + folder_tokenizer(folder, vocab_size) + "\n", "imported.yaml");
  return build_tokenizer(read_tokenizer_config(document.root().section("tokenizer")), {});
}

TEST_CASE("own tokenizer: what went out comes back with the same ids") {
  struct Case {
    TokenizerKind kind;
    bool end_of_line;
  };
  for (const auto& [kind, end_of_line] :
       {Case{TokenizerKind::Bytes, true}, Case{TokenizerKind::Word, true},
        Case{TokenizerKind::Word, false}, Case{TokenizerKind::SentencePiece, true}}) {
    INFO(name_of(kind) << ", " << end_of_line);
    const testing::TemporaryFolder folder;
    const auto tokenizer = built(kind, end_of_line);
    REQUIRE(interop::write_folder_tokenizer(*tokenizer, folder.path()) == "tokenizer.json");
    const auto again = imported(folder.path(), tokenizer->vocab_size());
    CHECK(again->kind() == tokenizer->kind());
    CHECK(again->fingerprint() == tokenizer->fingerprint());
  }
}

TEST_CASE("own tokenizer: words keep their counts") {
  const testing::TemporaryFolder folder;
  const auto tokenizer = built(TokenizerKind::Word);
  interop::write_folder_tokenizer(*tokenizer, folder.path());
  const auto saved = folder.path() / "saved";
  make_folder(saved);
  imported(folder.path(), tokenizer->vocab_size())->save(saved);
  CHECK(read_file(saved / "dict.txt") == read_file(folder.path() / "dict.txt"));
  CHECK_THAT(read_file(saved / "dict.txt"), ContainsSubstring("\"number\" 3000\n"));
}

TEST_CASE("own tokenizer: a file that was changed, or lacks its companion, is not ours") {
  for (const auto kind :
       {TokenizerKind::Bytes, TokenizerKind::Word, TokenizerKind::SentencePiece}) {
    INFO(name_of(kind));
    const testing::TemporaryFolder folder;
    interop::write_folder_tokenizer(*built(kind), folder.path());
    CHECK(interop::own_tokenizer(folder.path()).has_value());
    const auto file = folder.path() / "tokenizer.json";
    const std::string content = read_file(file);
    std::string changed = content;
    changed.replace(changed.rfind("false"), 5, "true");
    write_file_durably(file, changed);
    CHECK_FALSE(interop::own_tokenizer(folder.path()).has_value());
    write_file_durably(file, content);
    for (const char* companion : {"dict.txt", "tokenizer.model"}) {
      if (!fs::remove(folder.path() / companion)) continue;
      CHECK_FALSE(interop::own_tokenizer(folder.path()).has_value());
    }
    fs::remove(file);
    CHECK_FALSE(interop::own_tokenizer(folder.path()).has_value());
  }
}

TEST_CASE("own tokenizer: of a model with other ids, texts are ids") {
  const testing::TemporaryFolder folder;
  interop::write_folder_tokenizer(*built(TokenizerKind::Bytes), folder.path());
  CHECK(folder_tokenizer(folder.path(), 256) == "{kind: bytes}");
  CHECK(folder_tokenizer(folder.path(), 257) == "{kind: ids, vocab_size: 257}");
}

TEST_CASE("own tokenizer: a dictionary that is damaged is named with the remedy") {
  const testing::TemporaryFolder folder;
  interop::write_folder_tokenizer(*built(TokenizerKind::Word), folder.path());
  write_file_durably(folder.path() / "dict.txt", "number\n");
  const auto [kind, text] = testing::caught([&] { interop::own_tokenizer(folder.path()); });
  CHECK(kind == ErrorKind::Data);
  CHECK_THAT(text, ContainsSubstring((folder.path() / "dict.txt").string()) &&
                       ContainsSubstring("or remove it to import the model with ids"));
}

TEST_CASE("own tokenizer: pieces that cannot be read line by line are another project's") {
  const testing::TemporaryFolder folder;
  interop::write_folder_tokenizer(*built(TokenizerKind::SentencePiece), folder.path());
  write_file_durably(folder.path() / "tokenizer.model", "no model");
  CHECK_FALSE(interop::own_tokenizer(folder.path()).has_value());
  const auto [kind, text] = testing::caught([&] { folder_tokenizer(folder.path(), kPieces); });
  CHECK(kind == ErrorKind::Data);
  CHECK_THAT(text, ContainsSubstring((folder.path() / "tokenizer.model").string()));
}

}  // namespace
}  // namespace longspan
