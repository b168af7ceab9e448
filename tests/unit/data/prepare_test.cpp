// prepare: text to shards once, kept when it fits, refused with the difference when it does not.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <chrono>
#include <csignal>
#include <string>
#include <thread>
#include <vector>

#include "longspan/core/files.h"
#include "longspan/core/json.h"
#include "longspan/core/log.h"
#include "longspan/core/random.h"
#include "longspan/data/shards.h"
#include "support/temporary_folder.h"
#include "unit/tokenizer/caught.h"

namespace longspan {
namespace {

namespace fs = std::filesystem;
using Catch::Matchers::ContainsSubstring;
using testing::caught;

/// A config over two small files in a folder of its own.
struct Example {
  Example() {
    log::set_level(log::Level::Error);
    write("train.txt", "the cat sat\r\n\r\nthe dog\n");
    write("valid.txt", "the bird");
    config.train.patterns = {path("train.txt")};
    config.valid.patterns = {path("valid.txt")};
    config.shards = path("shards");
  }
  ~Example() { log::set_level(log::Level::Info); }
  std::string path(const std::string& name) const { return (folder.path() / name).string(); }
  void write(const std::string& name, std::string_view text) const {
    write_file_durably(path(name), text);
  }
  std::string refused() const {
    const auto error = caught([&] { prepare_data(config); });
    CHECK(error.kind == ErrorKind::Data);
    return error.text;
  }

  testing::TemporaryFolder folder;
  DataConfig config;
};

std::vector<std::int64_t> ids_of(const TokenStream& stream) {
  std::vector<std::int64_t> ids(static_cast<std::size_t>(stream.size()));
  stream.copy(0, stream.size(), ids.data());
  return ids;
}

void set_modified(const std::string& path, int seconds_later) {
  fs::last_write_time(path, fs::last_write_time(path) + std::chrono::seconds(seconds_later));
}

}  // namespace

TEST_CASE("prepare: makes tokenizer and shards of all splits, with the counts of the raw text") {
  Example example;
  example.write("test.txt", "a\n");
  example.config.test.emplace();
  example.config.test->patterns = {example.path("test.txt")};
  const ShardFolder shards = prepare_data(example.config);
  CHECK(shards.splits() == std::vector<std::string>{"train", "valid", "test"});
  CHECK(shards.tokenizer().vocab_size() == 8);
  CHECK(ids_of(shards.stream("train")) == std::vector<std::int64_t>{4, 5, 7, 2, 2, 4, 6, 2});
  CHECK(ids_of(shards.stream("valid")) == std::vector<std::int64_t>{4, 3, 2});
  CHECK(ids_of(shards.stream("test")) == std::vector<std::int64_t>{3, 2});
  const TextCounts counts = shards.counts("train");
  CHECK(counts.lines == 3);
  CHECK(counts.words == 5);
  CHECK(counts.bytes == 23);
  CHECK(shards.counts("valid").bytes == 8);
  shards.verify();
  CHECK_FALSE(fs::exists(example.path("shards.staged")));
}

TEST_CASE(
    "prepare: words that the tokenizer does not know are counted, and many of them are warned of") {
  Example example;
  const auto log_of = [&] {
    const std::string file = example.path("log.txt");
    fs::remove(file);
    log::set_level(log::Level::Info);
    log::add_file(file);
    prepare_data(example.config);
    log::remove_file();
    return read_file(file);
  };
  example.write("valid.txt", "the cat sat the bird");
  const std::string first = log_of();
  CHECK(first.find("encoded split=train tokens=8 lines=3 unknown=0\n") != std::string::npos);
  CHECK(first.find("encoded split=valid tokens=6 lines=1 unknown=1\n") != std::string::npos);
  CHECK(first.find("warn") == std::string::npos);

  example.config.shards = example.path("other");
  example.write("valid.txt", "the cat sat bird");
  const std::string warning = "data.valid: 1 of 5 tokens (20.0%) stand for unknown words";
  CHECK(log_of().find(warning) != std::string::npos);
  CHECK(log_of().find(warning) != std::string::npos);  // shards that were there already
  CHECK(prepare_data(example.config).counts("valid").unknown == 1);
}

TEST_CASE("prepare: an intact folder of the same config is kept as it is") {
  const Example example;
  const std::string fingerprint = prepare_data(example.config).fingerprint();
  const auto modified = fs::last_write_time(example.path("shards/manifest.json"));
  set_modified(example.path("shards/train-00000.bin"), -5);
  const auto shard_modified = fs::last_write_time(example.path("shards/train-00000.bin"));
  CHECK(prepare_data(example.config).fingerprint() == fingerprint);
  CHECK(fs::last_write_time(example.path("shards/manifest.json")) == modified);
  CHECK(fs::last_write_time(example.path("shards/train-00000.bin")) == shard_modified);
}

TEST_CASE("prepare: the same text under another time or path is the same text") {
  Example example;
  prepare_data(example.config);
  set_modified(example.path("train.txt"), 10);
  prepare_data(example.config);
  fs::rename(example.path("train.txt"), example.path("renamed.txt"));
  example.config.train.patterns = {example.path("renamed.txt")};
  CHECK(ids_of(prepare_data(example.config).stream("train")).size() == 8);
}

TEST_CASE(
    "prepare: an unchanged time and size is trusted, so that a large text is not read again") {
  const Example example;
  prepare_data(example.config);
  const auto modified = fs::last_write_time(example.path("train.txt"));
  example.write("train.txt", "the cat sat\r\n\r\nthe DOG\n");
  fs::last_write_time(example.path("train.txt"), modified);
  CHECK(ids_of(prepare_data(example.config).stream("train")).size() == 8);
}

TEST_CASE("prepare: whole shards do without the text that they were made from") {
  Example example;
  example.write("part-1.txt", "the cat sat\n");
  example.write("part-2.txt", "the dog\n");
  example.config.train.patterns = {example.path("part-*.txt"), example.path("train.txt")};
  prepare_data(example.config);
  const std::vector<std::string> texts{"part-1.txt", "part-2.txt", "train.txt", "valid.txt"};
  fs::create_directory(example.path("away"));
  for (const auto& text : texts) fs::rename(example.path(text), example.path("away/" + text));
  CHECK(ids_of(prepare_data(example.config).stream("train")).size() == 15);

  SECTION("a text of another name is not theirs") {
    example.config.valid.patterns = {example.path("other.txt")};
    CHECK(example.refused() == example.path("other.txt") + ": must be a text file, found nothing");
    example.config.valid.patterns = {example.path("part-*.txt")};
    CHECK(example.refused() ==
          example.path("part-*.txt") + ": a pattern must match at least one file, found none");
  }
  SECTION("one of several files is still compared") {
    example.write("train.txt", "the cat sat\n");
    CHECK_THAT(example.refused(), ContainsSubstring("had 23 bytes"));
  }
  SECTION("another folder, as on another machine, is another place of the same text") {
    example.config.valid.patterns = {example.path("elsewhere/valid.txt")};
    example.config.train.patterns = {example.path("elsewhere/part-?.txt"),
                                     example.path("elsewhere/train.txt")};
    CHECK(ids_of(prepare_data(example.config).stream("train")).size() == 15);
  }
  SECTION("shards that are not there are not made from nothing") {
    fs::remove_all(example.path("shards"));
    CHECK_THAT(example.refused(), ContainsSubstring("must match at least one file"));
  }
}

TEST_CASE("prepare: a folder is a text whose files are known by their paths") {
  Example example;
  fs::create_directory(example.path("texts"));
  fs::create_directory(example.path("texts/more"));
  example.write("texts/b.txt", "the dog\n");
  example.write("texts/more/a.txt", "the cat sat\n");
  example.config.train.patterns = {example.path("texts/")};
  CHECK(ids_of(prepare_data(example.config).stream("train")).size() == 7);
  example.config.train.patterns = {example.path("texts")};
  prepare_data(example.config);

  SECTION("whole shards do without it") {
    fs::rename(example.path("texts"), example.path("away"));
    prepare_data(example.config);
    example.config.train.patterns = {"/elsewhere/texts/"};
    prepare_data(example.config);
    example.config.train.patterns = {example.path("text?")};
    prepare_data(example.config);
    example.config.train.patterns = {example.path("other")};
    CHECK_THAT(example.refused(), ContainsSubstring("other: must be a text file, found nothing"));
  }
  SECTION("a file that comes to it, or goes, is a difference") {
    example.write("texts/c.txt", "the bird\n");
    CHECK_THAT(example.refused(), ContainsSubstring("data.train: it was 2 files, is 3"));
    fs::remove(example.path("texts/c.txt"));
    example.write("texts/.hidden", "the bird\n");
    prepare_data(example.config);
    fs::remove(example.path("texts/b.txt"));
    CHECK_THAT(example.refused(), ContainsSubstring("data.train: it was 2 files, is 1"));
  }
  SECTION("shards in it would become a part of it") {
    example.config.shards = example.path("texts/more/shards");
    const auto error = caught([&] { prepare_data(example.config); });
    CHECK(error.kind == ErrorKind::Config);
    CHECK(error.text ==
          "data.shards must not lie in a folder that is read as text, data.train is " +
              example.path("texts") + ", got " + example.path("texts/more/shards"));
    CHECK_FALSE(fs::exists(example.path("texts/more/shards.staged")));
  }
}

TEST_CASE("prepare: shards of JSON lines are of the key and the form that they were read with") {
  Example example;
  example.write("train.jsonl", R"({"text": "the cat sat\r\n\r\nthe dog\n", "other": "a b"})");
  example.config.train.patterns = {example.path("train.jsonl")};
  const ShardFolder shards = prepare_data(example.config);
  CHECK(ids_of(shards.stream("train")) == std::vector<std::int64_t>{4, 5, 7, 2, 2, 4, 6, 2});
  CHECK(shards.counts("train").lines == 3);
  CHECK(shards.counts("train").bytes == 23);
  const std::string path = example.path("train.jsonl");

  SECTION("another key is a difference, also where the file is gone") {
    example.config.train.text_key = "other";
    const std::string difference =
        "data.train: " + path +
        " was read as JSON lines with data.text_key text, is read as JSON "
        "lines with data.text_key other; ";
    CHECK_THAT(example.refused(), ContainsSubstring(difference));
    fs::remove(path);
    CHECK_THAT(example.refused(), ContainsSubstring(difference));
    example.config.train.text_key = "text";
    prepare_data(example.config);
  }
  SECTION("so is another form of the same content") {
    fs::rename(path, example.path("train.txt"));
    example.config.train.patterns = {example.path("train.txt")};
    CHECK_THAT(example.refused(), ContainsSubstring("is read as plain text"));
  }
  SECTION("a run is told") {
    const Json was = shards.origin();
    example.config.shards = example.path("other");
    example.config.train.text_key = "other";
    CHECK(origin_difference(was, prepare_data(example.config).origin(), "s") ==
          "data.train: " + path + " was read with text_key \"text\", " + path +
              " is with \"other\"");
  }
}

TEST_CASE("prepare: a folder of another text is refused with the difference") {
  Example example;
  prepare_data(example.config);
  const std::string begin = example.path("shards") + ": the shards were made from something else: ";
  const std::string end = "; name another data.shards or remove the folder";
  const std::string train = example.path("train.txt"), valid = example.path("valid.txt");

  const auto modified = fs::last_write_time(train);
  example.write("train.txt", "the cat sat\r\n\r\nthe DOG\n");
  set_modified(train, 10);
  CHECK(example.refused() == begin + "data.train: the content of " + train + " differs from what " +
                                 train + " had" + end);
  example.write("train.txt", "the cat sat\n");
  CHECK(example.refused() ==
        begin + "data.train: " + train + " had 23 bytes, " + train + " has 12" + end);
  example.write("train.txt", "the cat sat\r\n\r\nthe dog\n");
  fs::last_write_time(train, modified);
  prepare_data(example.config);

  DataConfig& config = example.config;
  config.valid.patterns = {valid, train};
  CHECK(example.refused() == begin + "data.valid: it was 1 files, is 2" + end);
  config.valid = {};
  config.valid.synthetic = true;
  CHECK(example.refused() == begin + "data.valid: it was files, is synthetic" + end);
  config.valid = {};
  config.valid.patterns = {valid};
  config.test = config.valid;
  CHECK(example.refused() == begin + "data.test was not set" + end);
}

TEST_CASE("prepare: a folder of another tokenizer is refused with the difference") {
  Example example;
  prepare_data(example.config);
  const std::string begin = example.path("shards") + ": the shards were made from something else: ";
  const std::string end = "; name another data.shards or remove the folder";
  example.config.tokenizer.pad_multiple = 16;
  CHECK(example.refused() == begin + "data.tokenizer.pad_multiple was 8, is 16" + end);
  example.config.tokenizer = {};
  example.config.tokenizer.kind = TokenizerKind::Bytes;
  CHECK(example.refused() == begin + "data.tokenizer.kind was \"word\", is \"bytes\"" + end);
}

TEST_CASE("prepare: a SentencePiece model file is judged by its content") {
  Example example;
  TokenizerConfig& tokenizer = example.config.tokenizer;
  const auto train_model = [&](const std::string& name, int step) {
    tokenizer = {};
    tokenizer.kind = TokenizerKind::SentencePiece;
    tokenizer.vocab_size = 300;
    const LineSource lines = [step](const std::function<void(std::string_view)>& emit) {
      for (int i = 0; i < 3000; i += step) emit(" number " + std::to_string(i * 7919));
    };
    fs::create_directory(example.path(name));
    build_tokenizer(tokenizer, lines)->save(example.path(name));
    return example.path(name + "/sentencepiece.model");
  };
  const std::string one = train_model("one", 1), other = train_model("other", 2);
  fs::copy_file(one, example.path("copy.model"));
  tokenizer.train = false;
  tokenizer.model = one;
  prepare_data(example.config);
  tokenizer.model = example.path("copy.model");
  prepare_data(example.config);
  fs::remove(example.path("copy.model"));
  CHECK_THAT(example.refused(), ContainsSubstring("copy.model"));  // one is not told by the other
  tokenizer.model = one;
  fs::rename(one, one + ".away");
  prepare_data(example.config);
  fs::rename(one + ".away", one);
  tokenizer.model = other;
  CHECK(example.refused() ==
        example.path("shards") +
            ": the shards were made from something else: data.tokenizer.model had another content "
            "than " +
            other + "; name another data.shards or remove the folder");
}

TEST_CASE("prepare: synthetic splits are known by their numbers") {
  Example example;
  DataConfig& config = example.config;
  config.train = {};
  config.train.synthetic = true;
  config.train.synthetic_config = {1, 2, 100};
  config.valid = config.train;
  config.valid.synthetic_config.seed = 2;
  const ShardFolder shards = prepare_data(config);
  TextCounts counts;
  const TokenStream encoded = encode_text(config.valid, shards.tokenizer(), counts);
  CHECK(ids_of(encoded) == ids_of(shards.stream("valid")));
  CHECK(counts.bytes == shards.counts("valid").bytes);
  CHECK(counts.words + counts.lines == encoded.size());
  prepare_data(config);
  config.valid.synthetic_config.num_articles = 3;
  CHECK(example.refused() ==
        example.path("shards") +
            ": the shards were made from something else: data.valid: synthetic.num_articles was 2, "
            "is 3; name another data.shards or remove the folder");
  config.valid = {};
  config.valid.patterns = {example.path("valid.txt")};
  CHECK(example.refused().find("data.valid: it was synthetic, is files;") != std::string::npos);
}

TEST_CASE("prepare: a folder with other files is never replaced") {
  Example example;
  fs::create_directory(example.path("shards"));
  prepare_data(example.config);  // an empty one may be
  example.config.shards = example.path("mine/");
  fs::create_directory(example.path("mine"));
  example.write("mine/thesis.txt", "x");
  CHECK(example.refused() == example.path("mine") +
                                 ": data.shards must name a shard folder or nothing, found other "
                                 "files there; name another folder");
  CHECK(read_file(example.path("mine/thesis.txt")) == "x");
}

TEST_CASE("prepare: a text that gives no token, or is missing, leaves no folder") {
  Example example;
  example.config.tokenizer.end_of_line = false;
  example.write("valid.txt", " \n");
  CHECK(example.refused() == "data.valid: the text must give at least one token, got none");
  CHECK_FALSE(fs::exists(example.path("shards")));
  CHECK_FALSE(fs::exists(example.path("shards.staged")));
  fs::remove(example.path("valid.txt"));
  CHECK(example.refused() == example.path("valid.txt") + ": must be a text file, found nothing");
  CHECK_FALSE(fs::exists(example.path("shards")));
}

TEST_CASE(
    "prepare: a disk that takes no more is an error in the system's words and leaves no folder") {
  Example example;
  example.config.tokenizer.kind = TokenizerKind::Bytes;
  example.write("train.txt", std::string(100000, 'x'));
  struct rlimit before {};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  const struct rlimit small { 4096, before.rlim_max };
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  const auto error = caught([&] { prepare_data(example.config); });
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
  std::signal(SIGXFSZ, old_handler);
  CHECK(error.kind == ErrorKind::Data);
  CHECK(error.text.starts_with("data.shards must be writable: " +
                               example.path("shards.staged/train-00000.bin")));
  CHECK(error.text.find("File too large") != std::string::npos);
  CHECK_FALSE(fs::exists(example.path("shards")));
  CHECK_FALSE(fs::exists(example.path("shards.staged")));
}

TEST_CASE("prepare: shards and counts do not depend on the number of threads") {
  Example example;
  std::string text = "\xEF\xBB\xBF";
  for (int i = 0; i < 300000; ++i)
    text += " word" + std::to_string(i % 977) + (i % 11 == 0 ? "\r\n" : " \xC3\xA9 ");
  REQUIRE(text.size() > std::size_t{3} << 20);  // of some blocks
  example.write("train.txt", text);
  std::vector<std::string> fingerprints;
  for (const int threads : {1, 2, 5}) {
    example.config.shards = example.path("shards" + std::to_string(threads));
    const ShardFolder shards = prepare_data(example.config, threads);
    const TextCounts counts = shards.counts("train");
    CHECK(counts.lines == 27274);
    CHECK(counts.words == 572727);
    CHECK(counts.bytes == static_cast<std::int64_t>(text.size()));
    CHECK(counts.words + counts.lines == shards.stream("train").size());
    fingerprints.push_back(shards.fingerprint());
  }
  CHECK(fingerprints == std::vector(3, fingerprints[0]));
  example.write("train.txt", text + "\n\xFF");
  example.config.shards = example.path("bad");
  CHECK(example.refused() == example.path("train.txt") +
                                 ":27275: text must be UTF-8, found byte 0xff at byte " +
                                 std::to_string(text.size() + 1) + " of the file");
}

TEST_CASE("prepare: a place that cannot hold a folder is refused") {
  Example example;
  example.config.shards = example.path("train.txt/shards");
  CHECK(example.refused().starts_with("data.shards must be writable: "));
}

TEST_CASE("prepare: killed at any point, it is made whole by the next one") {
  Example example;
  std::string text;
  for (int i = 0; i < 250000; ++i) text += " word" + std::to_string(i % 977) + (i % 9 ? "" : "\n");
  example.write("train.txt", text);
  const auto start = std::chrono::steady_clock::now();
  const std::string expected = prepare_data(example.config, 2).fingerprint();
  const auto whole = std::chrono::steady_clock::now() - start;
  RandomStream random(9, RandomPurpose::Sampling, 0);
  int killed = 0;
  for (int round = 0; round < 20; ++round) {
    fs::remove_all(example.path("shards"));
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      caught([&] { prepare_data(example.config, 2); });
      ::_exit(0);
    }
    std::this_thread::sleep_for(whole * random.uniform());
    ::kill(child, SIGKILL);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    killed += WIFSIGNALED(status) ? 1 : 0;
    const ShardFolder shards = prepare_data(example.config, 2);
    shards.verify();
    CHECK(shards.fingerprint() == expected);
    CHECK_FALSE(fs::exists(example.path("shards.staged")));
  }
  CHECK(killed > 0);
}

TEST_CASE("prepare: processes that prepare at once all get the same folder") {
  Example example;
  example.config.train = {};
  example.config.train.synthetic = true;
  example.config.train.synthetic_config = {1, 20, 200};
  std::vector<pid_t> children;
  for (int i = 0; i < 3; ++i) {
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      const auto error = caught([&] { prepare_data(example.config).verify(); });
      ::_exit(error.text.empty() ? 0 : 1);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = -1;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
  }
  prepare_data(example.config).verify();
}

TEST_CASE("prepare: another process that prepares is waited for") {
  Example example;
  int pipe_ends[2];
  REQUIRE(::pipe(pipe_ends) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    {
      const FileLock lock(example.path("shards.lock"));
      if (::write(pipe_ends[1], "x", 1) != 1) ::_exit(1);
      ::usleep(300000);
    }
    ::_exit(0);
  }
  char byte = 0;
  REQUIRE(::read(pipe_ends[0], &byte, 1) == 1);
  const auto start = std::chrono::steady_clock::now();
  prepare_data(example.config);
  CHECK(std::chrono::steady_clock::now() - start > std::chrono::milliseconds(100));
  int status = -1;
  CHECK(::waitpid(child, &status, 0) == child);
  CHECK(WEXITSTATUS(status) == 0);
  ::close(pipe_ends[0]);
  ::close(pipe_ends[1]);
}

TEST_CASE("prepare: a damaged folder is refused, not made again in silence") {
  const Example example;
  prepare_data(example.config);
  fs::resize_file(example.path("shards/valid-00000.bin"), 65);
  CHECK(example.refused().starts_with(example.path("shards/valid-00000.bin") +
                                      ": a shard of 3 tokens"));
}

}  // namespace longspan
