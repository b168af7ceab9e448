// A result is of one text, one model and one precision, and takes no other's place.

#include <map>
#include <set>

#include "support/tiny_run.h"
#include "support/torch_catch.h"

namespace longspan {
namespace {

namespace fs = std::filesystem;
using testing::TinyRun;

Json cells_of(const fs::path& file) { return read_json(file).at("cells"); }

void write_text(const fs::path& path, const std::string& line) {
  fs::create_directories(path.parent_path());
  std::string text;
  for (int i = 0; i < 60; ++i) text += line + "\n";
  write_file_durably(path, text);
}

class Evaluated {
 public:
  Evaluated() { REQUIRE(tiny.train("run").code == 0); }

  void evaluate(const std::string& lengths, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> words{
        "evaluate", tiny.path("run").string(), "--lengths", lengths, "--threads", "1"};
    words.insert(words.end(), more.begin(), more.end());
    const auto done = tiny.run(words);
    INFO(done.err);
    REQUIRE(done.code == 0);
  }
  fs::path results(const std::string& name) const { return tiny.path("run/evaluations") / name; }

  TinyRun tiny;
};

TEST_CASE("a text file takes no results of a split, nor of another text of its name") {
  const Evaluated run;
  run.evaluate("16,32");
  const Json split = cells_of(run.results("valid.json"));
  write_text(run.tiny.path("a/valid.txt"), "one two three");
  write_text(run.tiny.path("a/x.txt"), "four five six seven");
  write_text(run.tiny.path("b/x.txt"), "eight nine");
  for (const auto* text : {"a/valid.txt", "a/x.txt", "b/x.txt"})
    run.evaluate("16", {"--split", run.tiny.path(text).string()});
  CHECK(cells_of(run.results("valid.json")) == split);
  CHECK(cells_of(run.results("x.json")).size() == 1);
  std::set<std::string> texts;
  int files = 0;
  for (const auto& entry : fs::directory_iterator(run.results(""))) {
    if (entry.path().extension() != ".json") continue;
    ++files;
    std::set<std::string> hashes;
    for (const Json& cell : cells_of(entry.path())) {
      hashes.insert(cell.at("targets_hash").get<std::string>());
      texts.insert(cell.at("text").get<std::string>());
    }
    CHECK(hashes.size() == 1);
  }
  CHECK(files == 4);
  CHECK(texts == std::set<std::string>{"valid", run.tiny.path("a/valid.txt").string(),
                                       run.tiny.path("a/x.txt").string(),
                                       run.tiny.path("b/x.txt").string()});
}

TEST_CASE("a position rule that is changed makes results of its own beside the others") {
  const Evaluated run;
  run.evaluate("16,64");
  run.evaluate("16,64", {"--position", "interpolation=4"});
  run.evaluate("16,64", {"--position", "window=16"});
  std::map<std::pair<std::string, std::int64_t>, double> ppls;
  for (const Json& cell : cells_of(run.results("valid.json")))
    ppls[{cell.at("position_overrides").dump(), cell.at("length").get<std::int64_t>()}] =
        cell.at("ppl").get<double>();
  REQUIRE(ppls.size() == 6);
  const auto ppl = [&](const std::string& overrides, std::int64_t length) {
    return ppls.at({overrides, length});
  };
  const std::string none = "[]", slopes = R"(["interpolation=4"])", window = R"(["window=16"])";
  CHECK(ppl(window, 16) == ppl(none, 16));
  CHECK(ppl(window, 64) != ppl(none, 64));
  CHECK(ppl(slopes, 16) != ppl(none, 16));
  const auto refused = run.tiny.run(
      {"evaluate", run.tiny.path("run").string(), "--lengths", "16", "--position", "beta_fast=2"});
  CHECK(refused.code == 2);
  CHECK_THAT(refused.err, Catch::Matchers::ContainsSubstring("position.beta_fast"));
}

TEST_CASE("a text that changed at its path is another text") {
  const Evaluated run;
  write_text(run.tiny.path("x.txt"), "one two three");
  run.evaluate("16", {"--split", run.tiny.path("x.txt").string()});
  const Json before = cells_of(run.results("x.json"));
  write_text(run.tiny.path("x.txt"), "the other text");
  run.evaluate("16", {"--split", run.tiny.path("x.txt").string()});
  CHECK(cells_of(run.results("x.json")) == before);
}

TEST_CASE("another precision adds a cell, the same one again replaces it") {
  const Evaluated run;
  run.evaluate("16");
  const Json wide = cells_of(run.results("valid.json"));
  run.evaluate("16", {"--set", "train.precision=bf16"});
  const Json both = cells_of(run.results("valid.json"));
  REQUIRE(both.size() == 2);
  CHECK(both[0] == wide[0]);
  CHECK(both[1].at("dtype") == "bf16");
  run.evaluate("16");
  CHECK(cells_of(run.results("valid.json")).size() == 2);
}

TEST_CASE("another model of the same step adds a cell of its own") {
  const Evaluated run;
  run.evaluate("16");
  const Json first = cells_of(run.results("valid.json"));
  fs::remove_all(run.tiny.path("run/checkpoints"));
  REQUIRE(run.tiny.train("run", {"--resume", "never", "--set", "seed=8"}).code == 0);
  run.evaluate("16");
  const Json cells = cells_of(run.results("valid.json"));
  REQUIRE(cells.size() == 2);
  CHECK(cells[0] == first[0]);
  CHECK(cells[0].at("model_hash") != cells[1].at("model_hash"));
}

}  // namespace
}  // namespace longspan
