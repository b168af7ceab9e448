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

// Trains on write_text's lines and one more, and checks that the one more decodes to itself.
void check_trains_with(const std::string& line, const char* model_type) {
  const auto tokenizer = build_tokenizer(config_of(model_type), [&](const auto& emit) {
    write_text(emit);
    emit(line);
  });
  CHECK(tokenizer->vocab_size() == config_of(model_type).vocab_size);
  CHECK(tokenizer->decode(encode(*tokenizer, line)) == line + "\n");
}

std::string random_letters(std::size_t count, std::uint64_t alphabet) {
  RandomStream random(5, RandomPurpose::Sampling, 0);
  std::string letters;
  while (letters.size() < count) letters += static_cast<char>('a' + random.below(alphabet));
  return letters;
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

TEST_CASE("sentencepiece: a stretch without a blank may have any length") {
  std::string letters_of_two_bytes;
  for (const char letter : random_letters(40000, 26))
    letters_of_two_bytes.append("\xC3").push_back(static_cast<char>(letter + 0x20));
  check_trains_with(letters_of_two_bytes, "bpe");
  check_trains_with(random_letters(200000, 26), "unigram");
  for (const char* model_type : {"bpe", "unigram"}) {
    CAPTURE(model_type);
    check_trains_with("begin " + random_letters(33000, 26) + " end", model_type);
    check_trains_with(std::string(100000, 'a'), model_type);
    check_trains_with(std::string(100000, ' '), model_type);
  }
}

TEST_CASE("sentencepiece: the log counts the cuts of long stretches") {
  CapturedStderr captured;
  check_trains_with("a" + std::string(40000, 'b') + " c", "bpe");
  const std::string log = captured.text();
  CHECK(log.find("cut for SentencePiece cuts=2 bytes=16384") != std::string::npos);
}

TEST_CASE("sentencepiece: options of the library's trainer reach it by their names") {
  TokenizerConfig config = config_of("unigram");
  config.trainer_options = {{"normalization_rule_name", "nmt_nfkc_cf"}};
  const auto folded = build_tokenizer(config, write_text);
  CHECK(encode(*folded, " THE also") == encode(*folded, " the ALSO"));

  config.trainer_options = {{"byte_fallback", "false"}, {"user_defined_symbols", "Thedab,<unk>"}};
  config.vocab_size = 300;
  config.trainer_options.emplace_back("hard_vocab_limit", "false");
  const auto symbols = build_tokenizer(config, write_text);
  std::vector<std::int32_t> ids;
  CHECK(symbols->encode_line("\xE4\xB8\xAD", ids) == 1);  // no bytes stand in
  CHECK(encode(*symbols, "Thedab").size() == 2);

  config.trainer_options = {{"max_sentence_length", "3"}};
  CHECK(caught([&] { build_tokenizer(config, write_text); }).text ==
        "data.tokenizer.max_sentence_length must be an integer of at least 4, got 3");
}

TEST_CASE("sentencepiece: a sample and the cuts of long lines are told of in the log") {
  CapturedStderr captured;
  TokenizerConfig config = config_of("bpe");
  config.trainer_options = {{"input_sentence_size", "120"}, {"max_sentence_length", "40"}};
  const auto tokenizer = build_tokenizer(config, [](const auto& emit) {
    write_text(emit);
    for (int i = 0; i < 20; ++i) emit(std::string(100, 'q'));
  });
  const std::string log = captured.text();
  CHECK(log.find("trains on a part of the lines one_line_of=4 lines=105 bytes=") !=
        std::string::npos);
  CHECK(log.find("stretches without a blank were cut for SentencePiece cuts=6 bytes=40") !=
        std::string::npos);
  CHECK(tokenizer->vocab_size() == config.vocab_size);
}

TEST_CASE("sentencepiece: pieces across blanks are learnt from whole lines") {
  TokenizerConfig config = config_of("bpe");
  const LineSource lines = [](const TakeLine& emit) {
    write_text(emit);
    for (int i = 0; i < 500; ++i) emit(" now and then");
  };
  const auto by_words = build_tokenizer(config, lines);
  config.trainer_options = {{"split_by_whitespace", "false"}};
  const auto by_lines = build_tokenizer(config, lines);
  CHECK(encode(*by_lines, " now and then").size() < encode(*by_words, " now and then").size());
}

TEST_CASE("sentencepiece: a text for which the library ends its process is an error") {
  for (const std::string& line :
       {std::string("\t\t"), std::string(3, '\0'), std::string("<unk>\t")}) {
    for (const char* model_type : {"bpe", "unigram"}) {
      CAPTURE(model_type);
      const auto error = caught(
          [&] { build_tokenizer(config_of(model_type), [&](const auto& emit) { emit(line); }); });
      CHECK(error.kind == ErrorKind::Data);
      CHECK(error.text.starts_with("SentencePiece must be able to train a "));
    }
  }
}

TEST_CASE("sentencepiece: a model that makes the library break down is an error") {
  const testing::TemporaryFolder folder;
  build_tokenizer(config_of("bpe"), write_text)->save(folder.path());
  std::string model = read_file(folder.path() / "sentencepiece.model");
  // A table of normalisation (field 3, in it field 2) of one unit, which leads 4 GiB further.
  const std::string table("\x04\0\0\0\xFF\xFF\xFF\x7F\0", 9);
  model += "\x1A\x0B\x12\x09" + table;
  const std::string path = (folder.path() / "damaged.model").string();
  write_file_durably(path, model);
  const auto error = caught([&] { load_model(path); });
  CHECK(error.kind == ErrorKind::Data);
  CHECK(error.text.starts_with(path + ": must be a SentencePiece model, got: "));

  // The same in a tokenizer's folder: its digest tells before the library reads it.
  write_file_durably(folder.path() / "sentencepiece.model", model);
  const auto damaged = caught([&] { load_tokenizer(folder.path()); });
  CHECK(damaged.kind == ErrorKind::Data);
  CHECK(damaged.text.starts_with(folder.path().string() + ": the tokenizer is damaged: "));
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
  CHECK(too_many.text.find("got: Vocabulary size too high (100000). Please set it to") !=
        std::string::npos);
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
  const auto found = [&](std::string_view content) {
    write_file_durably(path, content);
    return caught([&] { load_model(path); }).text;
  };
  const std::string begin = path + ": must be a SentencePiece model, got: ";
  CHECK(found("") == begin + "an empty file");
  CHECK(found("{\"model\": {}}") == begin + "JSON");
  CHECK(found("version https://git-lfs.github.com/spec/v1\noid sha256:0\n") ==
        begin + "a Git LFS pointer; fetch the file itself with git lfs pull");
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
