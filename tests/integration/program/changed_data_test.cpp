// A run that goes on with other tokens than it was trained on.

#include "longspan/core/error.h"
#include "support/tiny_run.h"
#include "support/torch_catch.h"

namespace longspan {
namespace {

using Catch::Matchers::ContainsSubstring;
using testing::TinyRun;
using Words = std::vector<std::string>;

std::string text_of(const std::string& last) {
  std::string text;
  for (int line = 0; line < 60; ++line) text += "one two three four five six seven eight\n";
  return text + last + "\n";
}

/// A run trained on texts a.txt and b.txt.
struct RunOnTexts {
  RunOnTexts() {
    write("a.txt", text_of("alpha"));
    write("b.txt", text_of("bravo"));
    REQUIRE(train("shards").code == 0);
  }
  void write(const std::string& name, const std::string& text) const {
    write_file_durably(tiny.path(name), text);
  }
  std::string file(const std::string& name) const { return tiny.path(name).string(); }
  testing::Finished train(const std::string& shards, Words more = {}) const {
    Words words{"--set", concat("data.train=[", file("a.txt"), ", ", file("b.txt"), "]"),
                "--set", concat("data.shards=", file(shards)),
                "--set", "train.max_steps=6"};
    words.insert(words.end(), more.begin(), more.end());
    return tiny.train("run", words);
  }
  /// Goes on with shards made anew, and returns what is said of them.
  std::string refused(const std::string& shards, Words more = {}) const {
    more.insert(more.end(), {"--set", "train.max_steps=8", "--set", "schedule.period_steps=3"});
    const auto result = train(shards, more);
    INFO(result.err);
    CHECK(result.code == 4);
    CHECK_THAT(result.err,
               ContainsSubstring(concat("longspan: error: ", file("run"),
                                        " was trained on other shards than ", file(shards))) &&
                   ContainsSubstring("; restore them or start another run"));
    return result.err;
  }
  TinyRun tiny;
};

TEST_CASE("a run that goes on with changed texts is told which file changed, and how") {
  const RunOnTexts run;
  run.write("b.txt", text_of("bravos"));
  const auto kept = run.train("shards");
  CHECK(kept.code == 3);
  CHECK_THAT(kept.err,
             ContainsSubstring(concat("data.train: ", run.file("b.txt"), " had 2406 bytes, ")));
  CHECK_THAT(run.refused("longer"),
             ContainsSubstring(concat(": data.train: ", run.file("b.txt"), " had 2406 bytes, ",
                                      run.file("b.txt"), " has 2407 (fingerprint ")));
  run.write("b.txt", text_of("brave"));
  CHECK_THAT(run.refused("other"),
             ContainsSubstring(concat(": data.train: the content of ", run.file("b.txt"),
                                      " differs from what ")));
  run.write("b.txt", text_of("bravo"));
  CHECK_THAT(run.refused("tokenizer", {"--set", "data.tokenizer.end_of_line=false"}),
             ContainsSubstring(": data.tokenizer.end_of_line was true, is false (fingerprint "));
  CHECK_THAT(run.refused("valid", {"--set", "data.valid.synthetic.seed=9"}),
             ContainsSubstring(": data.valid: synthetic.seed was 2, is 9 (fingerprint "));
  const auto same = run.train("again");
  INFO(same.err);
  CHECK(same.code == 0);
}

TEST_CASE("a run whose folder does not say where its tokens came from is refused all the same") {
  const RunOnTexts run;
  run.write("b.txt", text_of("bravos"));
  write_file_durably(run.tiny.path("run/data.json"), "{\"format\": 1}\n");
  const auto damaged = run.train("damaged");
  CHECK(damaged.code == 3);
  CHECK_THAT(damaged.err, ContainsSubstring(run.file("run/data.json") +
                                            ": format must be longspan.origin/1, found 1"));
  std::filesystem::remove(run.tiny.path("run/data.json"));
  CHECK(run.refused("older").find("data.train") == std::string::npos);
}

}  // namespace
}  // namespace longspan
