#include <sentencepiece_processor.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <string>
#include <vector>

#include "longspan/core/files.h"
#include "longspan/core/random.h"
#include "longspan/tokenizer/tokenizer.h"
#include "support/temporary_folder.h"
#include "unit/tokenizer/caught.h"

namespace longspan {
namespace {

using testing::caught;

// Every word is followed by a space and every line starts with one, as in WikiText.
void write_text(const std::function<void(std::string_view)>& emit) {
  RandomStream random(3, RandomPurpose::Sampling, 0);
  std::vector<std::string> words(60);
  for (std::string& word : words) {
    for (std::uint64_t letters = 3 + random.below(6); letters > 0; --letters) {
      word += static_cast<char>('a' + random.below(12));
    }
  }
  for (int i = 0; i < 300; ++i) {
    std::string line = " The <unk> also ";
    for (int word = 0; word < 5; ++word) line += words[random.below(words.size())] + " ";
    emit(line + "caf\xC3\xA9 . ");
    if (i % 3 == 0) emit(" ");
  }
}

TokenizerConfig config_of(const std::string& model_type) {
  TokenizerConfig config;
  config.kind = TokenizerKind::SentencePiece;
  config.model_type = model_type;
  config.vocab_size = model_type == "bpe" ? 330 : 340;
  return config;
}

std::unique_ptr<Tokenizer> load_model(const std::filesystem::path& path, bool end_of_line = true) {
  TokenizerConfig config;
  config.kind = TokenizerKind::SentencePiece;
  config.train = false;
  config.model = path.string();
  config.end_of_line = end_of_line;
  return build_tokenizer(config, {});
}

std::vector<std::int32_t> encode(const Tokenizer& tokenizer, std::string_view line) {
  std::vector<std::int32_t> ids;
  tokenizer.encode_line(line, ids);
  return ids;
}

/// Sends what is written to stderr into a file while it lives.
class CapturedStderr {
 public:
  CapturedStderr() : saved_(::dup(2)) {
    const std::string path = (folder_.path() / "stderr").string();
    REQUIRE(std::freopen(path.c_str(), "w", stderr) != nullptr);
  }
  ~CapturedStderr() { restore(); }
  std::string text() {
    restore();
    return read_file(folder_.path() / "stderr");
  }

 private:
  void restore() {
    std::fflush(stderr);
    if (saved_ < 0) return;
    ::dup2(saved_, 2);
    ::close(saved_);
    saved_ = -1;
  }
  testing::TemporaryFolder folder_;
  int saved_;
};

}  // namespace

TEST_CASE(
    "sentencepiece: training gives the asked size, decodes to the same text and depends on the "
    "text alone") {
  for (const char* model_type : {"unigram", "bpe"}) {
    CAPTURE(model_type);
    const auto tokenizer = build_tokenizer(config_of(model_type), write_text);
    CHECK(tokenizer->vocab_size() == config_of(model_type).vocab_size);
    CHECK(tokenizer->fingerprint() ==
          build_tokenizer(config_of(model_type), write_text)->fingerprint());
    for (const std::string line :
         {" The dab also . ", "no leading space", "", "   three", "tab\tand  two ",
          "new \xF0\x9F\x98\x80 \xE4\xB8\xAD letters", "</s> <s> <pad> <unk> <unknown>"}) {
      CHECK(tokenizer->decode(encode(*tokenizer, line)) == line + "\n");
    }
  }
}

TEST_CASE("sentencepiece: training says nothing on stderr") {
  CapturedStderr captured;
  build_tokenizer(config_of("unigram"), write_text);
  caught([] { load_model("/nonexistent"); });
  CHECK(captured.text().empty());
}

TEST_CASE("sentencepiece: words that a space always follows become pieces") {
  const auto tokenizer = build_tokenizer(config_of("unigram"), write_text);
  CHECK(encode(*tokenizer, " The").size() == 2);  // and the end of the line
  CHECK(encode(*tokenizer, " also").size() == 2);
}

TEST_CASE(
    "sentencepiece: WikiText's <unk> is one piece and control symbols in the text are not control "
    "ids") {
  const auto tokenizer = build_tokenizer(config_of("unigram"), write_text);
  const std::vector<std::int32_t> unknown = encode(*tokenizer, "<unk>");
  REQUIRE(unknown.size() == 2);
  CHECK(unknown[0] == 3);
  CHECK(tokenizer->ends_line(unknown[1]));
  for (const std::int32_t id : encode(*tokenizer, "</s><s>")) {
    CHECK(id != 0);
    CHECK(id != 1);
  }
  CHECK(encode(*tokenizer, "</s>").size() > 2);
}

TEST_CASE("sentencepiece: the end-of-line id starts a stream and can be left out") {
  const testing::TemporaryFolder folder;
  const auto with = build_tokenizer(config_of("bpe"), write_text);
  with->save(folder.path());
  const auto without = load_model(folder.path() / "sentencepiece.model", false);
  std::vector<std::int32_t> ids = encode(*with, " The dab");
  CHECK(ids.back() == with->start_id());
  ids.pop_back();
  CHECK(encode(*without, " The dab") == ids);
  CHECK_FALSE(without->ends_line(with->start_id()));
  CHECK(without->start_id() == with->start_id());
  CHECK(without->fingerprint() != with->fingerprint());
}

TEST_CASE("sentencepiece: what is saved loads to the same ids, by folder and by model file") {
  const testing::TemporaryFolder folder;
  const auto saved = build_tokenizer(config_of("unigram"), write_text);
  saved->save(folder.path());
  CHECK(load_tokenizer(folder.path())->fingerprint() == saved->fingerprint());
  const auto loaded = load_model(folder.path() / "sentencepiece.model");
  CHECK(loaded->fingerprint() == saved->fingerprint());
  CHECK(encode(*loaded, " The dab . ") == encode(*saved, " The dab . "));
}

TEST_CASE("sentencepiece: what cannot be trained or loaded is refused with the library's words") {
  TokenizerConfig config = config_of("unigram");
  config.vocab_size = 100000;
  const auto too_many = caught([&] { build_tokenizer(config, write_text); });
  CHECK(too_many.kind == ErrorKind::Data);
  CHECK(too_many.text.starts_with(
      "SentencePiece must be able to train a unigram model of data.tokenizer.vocab_size "
      "100000 on data.train, got: "));
  CHECK(too_many.text.find("Vocabulary size") != std::string::npos);
  config.model_type = "bpe";
  CHECK(caught([&] { build_tokenizer(config, write_text); }).kind == ErrorKind::Data);

  const auto nothing = caught([] { build_tokenizer(config_of("bpe"), [](const auto&) {}); });
  CHECK(nothing.kind == ErrorKind::Data);
  CHECK(nothing.text == "the training text must not be empty for a SentencePiece model");

  const testing::TemporaryFolder folder;
  const auto missing = caught([&] { load_model(folder.path() / "none.model"); });
  CHECK(missing.kind == ErrorKind::Data);
  CHECK(missing.text.starts_with("data.tokenizer.model must be readable: " +
                                 (folder.path() / "none.model").string()));

  const std::string path = (folder.path() / "bad.model").string();
  write_file_durably(path, "this is no model");
  const auto damaged = caught([&] { load_model(path); });
  CHECK(damaged.kind == ErrorKind::Data);
  CHECK(damaged.text.starts_with(path + ": must be a SentencePiece model, got: "));
  write_file_durably(path, "");
  CHECK(caught([&] {
          load_model(path);
        }).text.starts_with(path + ": must be a SentencePiece model, got: "));
}

TEST_CASE("sentencepiece: a document gets the ids of the whole text, however long it is") {
  const testing::TemporaryFolder folder;
  build_tokenizer(config_of("bpe"), write_text)->save(folder.path());
  TokenizerConfig config;
  config.kind = TokenizerKind::SentencePiece;
  config.train = false;
  config.unit = "document";
  config.model = (folder.path() / "sentencepiece.model").string();
  const auto tokenizer = build_tokenizer(config, {});
  sentencepiece::SentencePieceProcessor library;
  REQUIRE(library.Load(config.model).ok());
  std::string text = " \n\n  The dab\n";
  write_text([&](std::string_view line) { text.append(line) += "\n\n"; });
  while (text.size() < 200000) text += text;
  for (const std::string& document : {std::string("a"), std::string("\n"), text, text + "b"}) {
    std::vector<int> whole;
    REQUIRE(library.Encode(document, &whole).ok());
    const auto ids = encode(*tokenizer, document);
    CHECK(std::vector<int>(ids.begin(), ids.end()) == whole);
    CHECK(tokenizer->decode(ids) == document);
  }
  CHECK(tokenizer->reads_documents());
  tokenizer->save(folder.path());
  CHECK(load_tokenizer(folder.path())->fingerprint() == tokenizer->fingerprint());
  config.start = "no such piece";
  CHECK_THAT(caught([&] { build_tokenizer(config, {}); }).text,
             Catch::Matchers::ContainsSubstring("data.tokenizer.start must be a piece"));
}

}  // namespace longspan
