// A weighted mixture of corpora through the whole program.

#include <map>

#include "longspan/core/error.h"
#include "support/tiny_run.h"
#include "support/token_files.h"
#include "support/torch_catch.h"

namespace longspan {
namespace {

using Catch::Matchers::ContainsSubstring;
using testing::TinyRun;
using Words = std::vector<std::string>;

/// A text and a file of ids, three sequences of one to one of the other.
struct Mixed {
  Mixed() {
    std::vector<std::int64_t> ids(333);
    for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<std::int64_t>(65 + i % 26);
    letters = testing::write_token_file(tiny.path(""), "letters", "llm.c", ids);
  }
  Words settings(const std::string& weight, int steps) const {
    return {"--set",
            concat("data.train=[{name: made, weight: 0.75, source: {synthetic: {seed: 1, "
                   "num_articles: 12, vocab_words: 200}}}, {weight: ",
                   weight, ", source: {tokens: ", letters, "}}]"),
            "--set",
            "data.tokenizer={kind: bytes}",
            "--set",
            "schedule.period_steps=17",
            "--set",
            concat("train.max_steps=", steps)};
  }
  TinyRun tiny;
  std::string letters;
};

}  // namespace

TEST_CASE("a mixture trains, says what each corpus gave, and goes on with the same bits") {
  const Mixed mixed;
  const auto whole = mixed.tiny.train("whole", mixed.settings("0.25", 20));
  INFO(whole.err);
  REQUIRE(whole.code == 0);
  const auto rows = testing::stable_rows(mixed.tiny.path("whole"));
  for (const Json& row : rows) {
    const auto sequences = row["step"].get<int>() * 8;
    const double letters = sequences / 4.0;  // 21 blocks
    CHECK(row["data/corpus-2/epoch"].get<double>() == letters / 21);
    CHECK(row["data/made/tokens"].get<int>() == sequences * 16 * 3 / 4);
    CHECK(row["tokens"].get<int>() ==
          row["data/made/tokens"].get<int>() + row["data/corpus-2/tokens"].get<int>());
  }
  for (const int steps : {7, 13, 20}) {
    const auto part = mixed.tiny.train("parts", mixed.settings("0.25", steps));
    INFO(part.err);
    REQUIRE(part.code == 0);
  }
  CHECK(testing::checkpoint_file(mixed.tiny.path("parts"), 20, "model.safetensors") ==
        testing::checkpoint_file(mixed.tiny.path("whole"), 20, "model.safetensors"));

  const auto step =
      mixed.tiny.run({"inspect", mixed.tiny.path("whole").string(), "--step", "3", "--json"});
  INFO(step.err);
  REQUIRE(step.code == 0);
  std::map<std::string, int> sequences;
  const Json seen = Json::parse(step.out);
  for (const Json& sequence : seen["sequences"]) {
    const auto split = sequence["split"].get<std::string>();
    ++sequences[split];
    if (split == "train.corpus-2") {
      CHECK(sequence["places"][0]["file"] == mixed.letters);
      CHECK(sequence["text"].get<std::string>().find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ") ==
            std::string::npos);
    }
  }
  CHECK(sequences == std::map<std::string, int>{{"train.made", 6}, {"train.corpus-2", 2}});
  const auto text = mixed.tiny.run({"inspect", mixed.tiny.path("whole").string(), "--step", "3"});
  CHECK_THAT(text.out, ContainsSubstring(": train.corpus-2, block "));

  const auto other = mixed.tiny.train("whole", mixed.settings("0.5", 22));
  CHECK(other.code == 2);
  CHECK_THAT(other.err, ContainsSubstring("a run that goes on must keep what its steps mean: "
                                          "data.train was "));
}

TEST_CASE("a mixture's config is refused by place and remedy") {
  const Mixed mixed;
  const auto refused = [&](const std::string& train, const Words& more = {}) {
    Words words{"prepare", mixed.tiny.config().string(), "--set", "data.train=" + train};
    words.insert(words.end(), more.begin(), more.end());
    const auto result = mixed.tiny.run(words);
    CHECK(result.code == 2);
    return result.err;
  };
  const std::string text = "{synthetic: {num_articles: 1}}";
  CHECK_THAT(refused("[{source: " + text + "}]"),
             ContainsSubstring("data.train[0].weight must be given"));
  CHECK_THAT(refused("[{weight: 1}]"), ContainsSubstring("data.train[0].source must be given"));
  CHECK_THAT(refused("[{source: a, weight: 0}]"),
             ContainsSubstring("data.train[0].weight must be"));
  CHECK_THAT(refused("[{source: a, weight: 1, epochs: 2}]"),
             ContainsSubstring("unknown key data.train[0].epochs"));
  CHECK_THAT(refused("[{source: a, weight: 1, name: a/b}]"),
             ContainsSubstring("must have letters, digits, - and _ alone, got 'a/b'"));
  CHECK_THAT(refused("[{source: a, weight: 1, name: x}, {source: b, weight: 1, name: x}]"),
             ContainsSubstring("data.train[1].name must be another one for each corpus"));
  CHECK_THAT(refused("[{source: a, weight: 0.12345678}, {source: b, weight: 1}]"),
             ContainsSubstring("must have weights that are shares of the tokens"));
  const std::string two = "[{source: a, weight: 1}, {source: b, weight: 2}]";
  CHECK_THAT(refused(two, {"--set", "data.order=fairseq"}),
             ContainsSubstring("data.order must be shuffled or sequential"));
  CHECK_THAT(refused(two, {"--set", "data.expect=wikitext-2"}),
             ContainsSubstring("data.expect must be none"));
  CHECK_THAT(refused(two, {"--set", "train.max_epochs=2"}),
             ContainsSubstring("train.max_epochs must not be given where data.train is a mixture"));
}

}  // namespace longspan
