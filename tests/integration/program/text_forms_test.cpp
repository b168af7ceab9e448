// prepare takes text in the forms in which users have it, and gives the same shards for each.

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "longspan/core/error.h"
#include "support/compressed.h"
#include "support/tiny_run.h"
#include "support/torch_catch.h"

namespace longspan {
namespace {

namespace fs = std::filesystem;
using Catch::Matchers::ContainsSubstring;
using testing::TinyRun;
using Words = std::vector<std::string>;

// Of several blocks, with line breaks of every kind.
std::string some_text() {
  std::string text;
  for (int i = 0; text.size() < (std::size_t{5} << 18); ++i)
    text += "word" + std::to_string(i % 977) + (i % 11 == 0 ? "\r\n" : " \xC3\xA9 ") +
            (i % 101 == 0   ? "\n\n"
             : i % 103 == 0 ? "\r"
                            : "");
  return text;
}

/// A config whose texts are files in its folder.
struct Texts {
  void write(const std::string& name, std::string_view text) const {
    fs::create_directories(tiny.path(name).parent_path());
    write_file_durably(tiny.path(name), text);
  }
  testing::Finished prepare(const std::string& train, const std::string& shards,
                            const Words& more = {}) const {
    Words words{"prepare", tiny.config().string(), "--threads", "2",
                "--set",   "data.train=" + train,  "--set",     "data.shards=" + shards};
    words.insert(words.end(), more.begin(), more.end());
    return tiny.run(words);
  }
  /// Prepares a text and returns the bytes of its shards and tokenizer, and its counts.
  std::string shards(const std::string& train, const Words& more = {}) {
    const std::string folder = "shards" + std::to_string(num_prepared_++);
    Words words{"--json", "--log-level", "error"};
    words.insert(words.end(), more.begin(), more.end());
    const auto result = prepare(train, folder, words);
    INFO(result.err);
    REQUIRE(result.code == 0);
    CHECK(result.err.empty());
    const Json counts = parse_json(result.out, "the result");
    std::string all = counts["splits"].dump() + counts["fingerprint"].dump();
    for (const std::string part : {"train-00000.bin", "valid-00000.bin", "tokenizer"}) {
      const fs::path path = tiny.path(folder) / part;
      if (fs::is_directory(path))
        for (const auto& entry : fs::directory_iterator(path)) all += read_file(entry.path());
      else
        all += read_file(path);
    }
    return all;
  }
  /// Prepares what must be refused, and returns the error.
  std::string refused(const std::string& train, int code = 3, const Words& more = {}) const {
    const auto result = prepare(train, "refused", more);
    INFO(result.err);
    CHECK(result.code == code);
    CHECK(result.out.empty());
    CHECK_FALSE(fs::exists(tiny.path("refused")));
    CHECK_FALSE(fs::exists(tiny.path("refused.staged")));
    const std::size_t begin = result.err.find("longspan: error: ");
    return begin == std::string::npos ? "" : result.err.substr(begin);
  }
  std::string file(const std::string& name) const { return tiny.path(name).string(); }

  TinyRun tiny;

 private:
  int num_prepared_ = 0;
};

// Returns the options of tokenizers that read lines and documents.
std::vector<Words> tokenizers(const Texts& texts) {
  const std::string trained = "data.tokenizer={kind: sentencepiece, vocab_size: 400}";
  texts.write("small.txt", some_text().substr(0, 20000));
  REQUIRE(texts.prepare("small.txt", "small", {"--set", trained}).code == 0);
  const std::string loaded =
      "data.tokenizer={kind: sentencepiece, train: false, unit: document, model: " +
      texts.file("small/tokenizer/sentencepiece.model") + "}";
  return {{}, {"--set", trained}, {"--set", loaded}};
}

TEST_CASE("compressed texts give the shards of the plain text, to the bit") {
  Texts texts;
  const std::string text = some_text(), half = text.substr(0, text.size() / 2);
  texts.write("plain.txt", text);
  texts.write("text.gz", testing::gzip(text));
  texts.write("text.zst", testing::zstandard(text));
  texts.write("parts.txt", testing::gzip(half) + testing::gzip(text.substr(half.size())));
  for (const Words& tokenizer : tokenizers(texts)) {
    CAPTURE(tokenizer);
    const std::string plain = texts.shards("plain.txt", tokenizer);
    for (const auto* name : {"text.gz", "text.zst", "parts.txt"}) {
      CAPTURE(name);
      CHECK((texts.shards(name, tokenizer) == plain));
    }
  }
}

TEST_CASE("a compressed text that is damaged or cut short is an error, and nothing is left") {
  const Texts texts;
  std::string text = some_text();
  for (const auto& [name, content] :
       {std::pair<std::string, std::string>{"gzip", testing::gzip(text)},
        {"Zstandard", testing::zstandard(text)}}) {
    texts.write("cut", std::string_view(content).substr(0, content.size() - 3));
    CHECK(texts.refused("cut") == concat("longspan: error: ", texts.file("cut"), ": ", name,
                                         " data must be whole, it is cut short at byte ",
                                         content.size() - 3, "\n"));
    std::string damaged = content;
    char& one = damaged[damaged.size() - 2];  // of the length, and of the checksum
    one = static_cast<char>(one ^ 1);
    texts.write("damaged", damaged);
    CHECK_THAT(texts.refused("damaged"),
               ContainsSubstring(concat(texts.file("damaged"), ": ", name,
                                        " data must be whole, found between bytes ")));
  }
  texts.write("bad.gz", testing::gzip("one\ntwo\n" + text.substr(0, 100) + "\xFF"));
  CHECK_THAT(texts.refused("bad.gz"), ContainsSubstring("text must be UTF-8, found byte 0xff at "
                                                        "byte 108 of its text"));
}

TEST_CASE("a folder gives the shards of its files, and the log says what was passed over") {
  Texts texts;
  const std::string text = some_text(), half = text.substr(0, text.size() / 2);
  texts.write("t/a/1.txt", "one two\n");
  texts.write("t/a/2.zst", testing::zstandard(half + "\n"));
  texts.write("t/b.gz", testing::gzip(text.substr(half.size())));
  texts.write("t/.git/HEAD", "ref");
  texts.write("t/a/.crc", "x");
  fs::create_symlink(texts.file("tiny.yaml"), texts.file("t/link"));
  for (const Words& tokenizer : tokenizers(texts))
    CHECK((texts.shards("t", tokenizer) ==
           texts.shards("[t/a/1.txt, t/a/2.zst, t/b.gz]", tokenizer)));
  const auto result = texts.prepare("t", "told");
  CHECK(result.code == 0);
  CHECK_THAT(result.err, ContainsSubstring("passed over in a folder of text folder=" +
                                           texts.file("t") + " what=\"2 hidden, 1 linked\"\n"));
}

namespace {

/// Has this process, and so those that it starts, read a file as standard input while it lives.
class StandardInput {
 public:
  explicit StandardInput(const std::string& path) : before_(::dup(STDIN_FILENO)) {
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    REQUIRE(file >= 0);
    ::dup2(file, STDIN_FILENO);
    ::close(file);
  }
  ~StandardInput() {
    ::dup2(before_, STDIN_FILENO);
    ::close(before_);
  }
  StandardInput(const StandardInput&) = delete;
  StandardInput& operator=(const StandardInput&) = delete;

 private:
  int before_;
};

}  // namespace

TEST_CASE("standard input is a text that is kept, and gives what a file gives") {
  Texts texts;
  const std::string text = some_text();
  texts.write("plain.txt", text);
  texts.write("packed", testing::gzip(text));
  texts.write("empty", "");
  const auto from = [&](const std::string& input, const std::string& train) {
    const StandardInput standard_input(texts.file(input));
    return texts.shards(train);
  };
  const std::string plain = texts.shards("plain.txt");
  CHECK(from("plain.txt", "'-'") == plain);
  CHECK(from("packed", "'-'") == plain);
  CHECK(read_file(texts.file("shards1.train.txt")) == text);
  {
    // Nothing is read again: the file that was kept is the text.
    const StandardInput standard_input(texts.file("empty"));
    CHECK(texts.prepare("'-'", "shards1").code == 0);
    CHECK_THAT(texts.refused("'-'"),
               ContainsSubstring("data.train is '-', standard input, which must not be empty"));
    CHECK_THAT(texts.refused("'-'", 2, {"--set", "data.valid='-'"}),
               ContainsSubstring("standard input must be the text of one split"));
  }
  texts.write("shards1.train.txt", "another\n");
  CHECK_THAT(texts.prepare("'-'", "shards1").err,
             ContainsSubstring("the shards were made from something else"));
}

TEST_CASE("JSON lines give the shards of files of their texts, to the bit") {
  Texts texts;
  std::string list = "[", records;
  for (int i = 0; i < 5; ++i) {
    const std::string text = "text " + std::to_string(i) + "\n" + some_text().substr(0, 300000);
    const std::string name = "part" + std::to_string(i) + ".txt";
    texts.write(name, text);
    list += (i == 0 ? "" : ", ") + name;
    records += Json({{"text", i}, {"content", text}}).dump(-1, ' ', i % 2 == 0) + "\n";
  }
  texts.write("all.jsonl", records);
  texts.write("all.json.gz", testing::gzip(records));
  for (Words options : tokenizers(texts)) {
    const std::string plain = texts.shards(list + "]", options);
    options.insert(options.end(), {"--set", "data.text_key=content"});
    for (const auto* name : {"all.jsonl", "all.json.gz"})
      CHECK((texts.shards(name, options) == plain));
  }
  const std::string end = ": an object must have one text under the key text, found a number";
  CHECK_THAT(texts.refused("all.jsonl"), ContainsSubstring(texts.file("all.jsonl") + ":1" + end));
  CHECK_THAT(texts.refused("all.jsonl", 2, {"--set", "data.text_keys=content"}),
             ContainsSubstring("did you mean text_key?"));
  CHECK_THAT(texts.refused("all.jsonl", 2, {"--set", "data.text_key=''"}),
             ContainsSubstring("data.text_key must not be empty"));
  CHECK_THAT(texts.refused("part0.txt", 2, {"--set", "data.text_key=content"}),
             ContainsSubstring("data.text_key is the key of the texts in JSON lines, and no file"));
}

TEST_CASE("evaluate scores a text in any form alike") {
  const Texts texts;
  REQUIRE(texts.tiny.train("run").code == 0);
  const std::string text = "The the cat\r\nsat on the mat\n\n" + some_text().substr(0, 3000);
  texts.write("plain.txt", text);
  texts.write("packed", testing::zstandard(text));
  texts.write("folder/one.gz", testing::gzip(text));
  texts.write("records.jsonl", Json({{"text", text}}).dump() + "\n");
  std::vector<Json> cells;
  for (const auto* name : {"plain.txt", "packed", "folder/", "records.jsonl"}) {
    const auto result = texts.tiny.run({"evaluate", texts.file("run"), "--split", texts.file(name),
                                        "--lengths", "16", "--json", "--threads", "1"});
    INFO(result.err);
    REQUIRE(result.code == 0);
    const Json cell = parse_json(result.out, name)["cells"][0];
    cells.push_back(
        {cell["targets_hash"], cell["loss_nats"], cell["word_ppl"], cell["bits_per_byte"]});
    CHECK(cells.back() == cells.front());
  }
  CHECK(fs::exists(texts.file("run/evaluations/folder.json")));
}

TEST_CASE("a text that cannot be read is an error that says why") {
  const Texts texts;
  CHECK(texts.refused("none.gz") == concat("longspan: error: ", texts.file("none.gz"),
                                           ": must be a text file, found nothing\n"));
  REQUIRE(::mkfifo(texts.file("pipe").c_str(), 0600) == 0);
  CHECK_THAT(texts.refused("pipe"), ContainsSubstring(texts.file("pipe") + ": must be a "));
  if (::geteuid() == 0) return;  // who may read all
  texts.write("locked.gz", testing::gzip("a\n"));
  fs::permissions(texts.file("locked.gz"), fs::perms::none);
  CHECK_THAT(texts.refused("locked.gz"),
             ContainsSubstring(texts.file("locked.gz")) && ContainsSubstring("Permission denied"));
}

}  // namespace
}  // namespace longspan
