// longspan generate: continues texts with a run's model.

#include "support/tiny_run.h"
#include "support/torch_catch.h"

namespace longspan {
namespace {

using Catch::Matchers::ContainsSubstring;
using testing::Finished;
using testing::TinyRun;

// A word that the synthetic articles have, and so the vocabulary of the run.
std::string some_word(const TinyRun& tiny) {
  const std::string dictionary =
      read_file(tiny.path("run/checkpoints/step-000000020/tokenizer/dict.txt"));
  return dictionary.substr(0, dictionary.find(' '));
}

class Generated {
 public:
  Generated() { REQUIRE(tiny.train("run").code == 0); }

  Finished generate(const std::vector<std::string>& more) const {
    std::vector<std::string> words{"generate", tiny.path("run").string(), "--threads", "1"};
    words.insert(words.end(), more.begin(), more.end());
    return tiny.run(words);
  }
  Json json(std::vector<std::string> more) const {
    more.insert(more.end(), {"--json", "--quiet"});
    const Finished done = generate(more);
    INFO(done.err);
    REQUIRE(done.code == 0);
    return parse_json(done.out, "standard output");
  }

  TinyRun tiny;
};

TEST_CASE("a prompt is continued, the same way each time, with the text that JSON holds") {
  const Generated run;
  const std::string prompt = some_word(run.tiny);
  const std::vector<std::string> words{"--prompt", prompt, "--max-tokens", "90"};
  const Json result = run.json(words);
  REQUIRE(result.at("sequences").size() == 1);
  const Json& sequence = result.at("sequences")[0];
  CHECK(sequence.at("ids").size() == 90);  // the trained length is 16
  CHECK(sequence.at("ended_by") == "max_tokens");
  CHECK(sequence.at("prompt_tokens") == 1);
  CHECK(sequence.at("log_probability").get<double>() < 0);
  CHECK(run.json(words).at("sequences") == result.at("sequences"));
  const Finished text = run.generate(words);
  CHECK(text.code == 0);
  CHECK(text.out == prompt + sequence.at("text").get<std::string>() + "\n");
  CHECK_THAT(text.err, ContainsSubstring("generated"));
}

TEST_CASE("samples and prompts of a file are numbered in order") {
  const Generated run;
  const std::string word = some_word(run.tiny);
  write_file_durably(run.tiny.path("prompts.txt"), word + "\r\n" + word + " " + word + "\n");
  const std::vector<std::string> words{
      "--prompts", run.tiny.path("prompts.txt").string(), "--samples", "2", "--max-tokens", "5"};
  const Json sequences = run.json(words).at("sequences");
  REQUIRE(sequences.size() == 4);
  for (std::size_t i = 0; i < 4; ++i)
    CHECK(sequences[i].at("prompt") == (i < 2 ? word : word + " " + word));
  CHECK(sequences[0].at("ids") != sequences[1].at("ids"));
  CHECK_THAT(run.generate(words).out, ContainsSubstring("--- 1 of 4 ---\n" + word) &&
                                          ContainsSubstring("\n--- 4 of 4 ---\n"));
}

TEST_CASE("a continuation ends behind the line breaks that it may have") {
  const Generated run;
  const Json sequence =
      run.json({"--max-lines", "2", "--max-tokens", "3000"}).at("sequences").at(0);
  const auto text = sequence.at("text").get<std::string>();
  CHECK(sequence.at("ended_by") == "max_lines");
  CHECK(std::ranges::count(text, '\n') == 2);
  CHECK(text.ends_with('\n'));
}

TEST_CASE("words that the vocabulary lacks are said") {
  const Generated run;
  const Finished done = run.generate({"--prompt", "Xyzzyqq", "--max-tokens", "3"});
  CHECK(done.code == 0);
  CHECK_THAT(done.err, ContainsSubstring("tokens that the tokenizer does not know"));
}

TEST_CASE("what cannot be is refused in one line, before anything is printed") {
  const Generated run;
  const auto refused = [&](const std::vector<std::string>& words, int code,
                           const std::string& said) {
    const Finished done = run.generate(words);
    INFO(done.err);
    CHECK(done.code == code);
    CHECK_THAT(done.err, ContainsSubstring(said));
  };
  refused({"--temperature", "-1", "--json"}, 2, "--temperature must be a finite number");
  refused({"--top-p", "0", "--json"}, 2, "--top-p must be above 0");
  refused({"--max-tokens", "0"}, 2, "--max-tokens");
  refused({"--prompt", "a\xFF", "--json"}, 2, "a prompt must be UTF-8, found byte 0xff at byte 1");
  refused({"--prompt", "a", "--prompts", "b"}, 2, "excludes");
  refused({"--prompts", run.tiny.path("none.txt").string()}, 3, "none.txt");
  refused({"--checkpoint", run.tiny.path("none").string()}, 4, "none");
  const Finished done = run.tiny.run({"generate", run.tiny.path("none").string()});
  CHECK(done.code == 2);
  CHECK_THAT(done.err, ContainsSubstring("must be the folder of a run"));
}

}  // namespace
}  // namespace longspan
