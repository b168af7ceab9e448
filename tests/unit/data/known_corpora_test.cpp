// Published corpora: what their table says, and what a text that differs is told.
#include "data/known_corpora.h"

#include <catch2/catch_test_macros.hpp>

#include "longspan/config/choice.h"
#include "longspan/core/files.h"
#include "longspan/core/log.h"
#include "support/temporary_folder.h"

namespace longspan {
namespace {

/// Shards of "a b" and an empty line (train) and of "a" (valid).
struct Example {
  Example() {
    log::set_level(log::Level::Warn);
    config.train.patterns = {write("train.txt", "a b\n\n")};
    config.valid.patterns = {write("valid.txt", "a\n")};
    config.shards = (folder.path() / "shards").string();
  }
  ~Example() { log::set_level(log::Level::Info); }
  std::string write(const std::string& name, std::string_view text) const {
    write_file_durably(folder.path() / name, text);
    return (folder.path() / name).string();
  }
  std::string difference(const PublishedCorpus& published) const {
    return difference_from(published, config.tokenizer, prepare_data(config));
  }

  testing::TemporaryFolder folder;
  DataConfig config;
  PublishedCorpus corpus{
      "small", KnownCorpus::None, 8, {{{"train", 2, 2}, {"valid", 1, 1}, {"test", 9, 99}}}};
};

std::int64_t tokens_of(const PublishedSplit& split) { return split.lines + split.words; }

}  // namespace

TEST_CASE("known corpora: the table gives the published numbers of tokens") {
  CHECK(config::names_of(kKnownCorpora) ==
        std::vector<std::string>{"none", "wikitext-2", "wikitext-103"});
  const PublishedCorpus& large = config::row_of(kKnownCorpora, KnownCorpus::WikiText103);
  CHECK(large.vocab_size == 267744);
  CHECK(tokens_of(large.splits[0]) == 103227021);
  const PublishedCorpus& small = config::row_of(kKnownCorpora, KnownCorpus::WikiText2);
  CHECK(small.vocab_size == 33280);
  CHECK(tokens_of(small.splits[0]) == 2088628);
  for (const PublishedCorpus& corpus : {large, small}) {
    CHECK(tokens_of(corpus.splits[1]) == 217646);
    CHECK(tokens_of(corpus.splits[2]) == 245569);
  }
}

TEST_CASE("known corpora: shards of the published text do not differ, absent splits are passed") {
  Example example;
  CHECK(example.difference(example.corpus) == "");
  example.config.tokenizer.end_of_line = false;
  example.config.shards += "-without-ends";
  CHECK(example.difference(example.corpus) == "");
}

TEST_CASE("known corpora: each split, count and the vocabulary that differ are named") {
  Example example;
  example.corpus.splits[0].words = 7;
  CHECK(example.difference(example.corpus) == "train must have 9 tokens, found 4");
  example.corpus.splits[1] = {"valid", 2, 0};  // as many tokens, by another cut into lines
  example.corpus.vocab_size = 16;
  CHECK(example.difference(example.corpus) ==
        "train must have 9 tokens, found 4; valid must have 2 lines, found 1; "
        "the vocabulary must have 16 ids, found 8");
}

TEST_CASE("known corpora: with another tokenizer the words of the text count") {
  Example example;
  example.config.tokenizer.kind = TokenizerKind::Bytes;
  CHECK(example.difference(example.corpus) == "");
  example.corpus.splits[1].words = 3;
  CHECK(example.difference(example.corpus) == "valid must have 3 words, found 1");
}

TEST_CASE("known corpora: another padding leaves the size of the vocabulary open") {
  Example example;
  example.config.tokenizer.pad_multiple = 1;
  CHECK(example.difference(example.corpus) == "");
}

}  // namespace longspan
