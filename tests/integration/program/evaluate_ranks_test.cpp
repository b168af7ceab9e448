// longspan evaluate by several processes: the numbers of one, and an end for all when one fails.

#include <algorithm>
#include <fstream>

#include "integration/program/ranks_by_hand.h"
#include "longspan/core/error.h"
#include "support/tiny_run.h"
#include "support/torch_catch.h"

namespace longspan {
namespace {

using Catch::Matchers::ContainsSubstring;
using testing::TinyRun;

// Batches hold 8192 tokens: each of three ranks gets several.
constexpr std::int64_t kLeastTargets = 6 * 8192;

// A trained run with a validation text of many batches.
class EvaluatedRun {
 public:
  EvaluatedRun() {
    const auto result = tiny_.train(
        "run", {"--set", "data.valid={synthetic: {seed: 2, num_articles: 60, vocab_words: 200}}",
                "--set", "distributed.timeout_seconds=20"});
    INFO(result.err);
    REQUIRE(result.code == 0);
  }

  const TinyRun& tiny() const { return tiny_; }
  std::vector<std::string> arguments(const std::string& output,
                                     const std::vector<std::string>& more = {}) const {
    std::vector<std::string> words{"evaluate",  tiny_.path("run").string(),
                                   "--threads", "1",
                                   "--lengths", "16:64",
                                   "--mode",    "nonoverlapping",
                                   "--mode",    "stride:8",
                                   "--output",  tiny_.path(output).string()};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }

 private:
  TinyRun tiny_;
};

// Returns the bytes of a result file without what depends on the clock or the machine.
std::string stable_bytes(const std::filesystem::path& file) {
  Json results = read_json(file);
  for (Json& cell : results.at("cells")) {
    CHECK(cell.erase("tokens_per_second") == 1);
    CHECK(cell.erase("peak_bytes") == 1);
  }
  return results.dump();
}

std::size_t number_of_errors(const std::string& text) {
  constexpr std::string_view kError = "longspan: error: ";
  std::size_t count = 0;
  for (auto at = text.find(kError); at != std::string::npos; at = text.find(kError, at + 1))
    ++count;
  return count;
}

TEST_CASE("any number of processes evaluates to the bytes of one, every target once") {
  const EvaluatedRun run;
  for (const std::string number : {"1", "2", "3"}) {
    const auto result = run.tiny().run(run.arguments(number, {"--processes", number, "--json"}));
    INFO(result.err);
    REQUIRE(result.code == 0);
    const auto file = run.tiny().path(number) / "valid.json";
    CHECK(Json::parse(result.out).at("cells") == read_json(file).at("cells"));
    CHECK(stable_bytes(file) == stable_bytes(run.tiny().path("1") / "valid.json"));
    CHECK(std::filesystem::exists(run.tiny().path(number) / "valid.csv"));
    CHECK(std::filesystem::exists(run.tiny().path(number) / "valid.svg"));
  }
  const Json prepared =
      Json::parse(run.tiny().run({"prepare", run.tiny().path("run/config.yaml"), "--json"}).out);
  const Json cells = read_json(run.tiny().path("3/valid.json")).at("cells");
  REQUIRE(cells.size() == 6);
  for (const Json& cell : cells) {
    CHECK(cell.at("targets") == prepared.at("splits").at("valid").at("tokens"));
    CHECK(cell.at("targets").get<std::int64_t>() >= kLeastTargets);
    CHECK(cell.at("targets_hash") == cells[0].at("targets_hash"));
  }
}

TEST_CASE(
    "an evaluation joins the processes that a launcher started, one of them a checkpoint off") {
  const EvaluatedRun run;
  const auto results =
      testing::RanksByHand(run.tiny(), std::vector(2, run.arguments("joined"))).wait();
  for (const auto& result : results) {
    INFO(result.err);
    CHECK(result.code == 0);
  }
  CHECK_THAT(results[0].err, ContainsSubstring("joined ranks=2"));
  CHECK_THAT(results[0].out, ContainsSubstring("stride:8"));
  CHECK(results[1].out.empty());
  CHECK(std::filesystem::exists(run.tiny().path("joined/valid.json")));
  for (const auto& result :
       testing::RanksByHand(
           run.tiny(),
           {run.arguments("refused"), run.arguments("refused", {"--checkpoint", "step-000000010"})})
           .wait()) {
    CHECK(result.code == 6);
    CHECK(number_of_errors(result.err) == 1);
    CHECK_THAT(result.err,
               ContainsSubstring("rank 1 must have the same checkpoint of run 1 as rank 0: it has "
                                 "step-000000010 where rank 0 has step-000000020"));
  }
  CHECK_FALSE(std::filesystem::exists(run.tiny().path("refused")));
}

TEST_CASE("a rank that fails ends the evaluation of all, by name") {
  const EvaluatedRun run;
  std::ofstream(run.tiny().path("taken")) << "in the way";
  const auto result = run.tiny().run(run.arguments("taken", {"--processes", "2"}));
  INFO(result.err);
  CHECK(result.code == 3);
  CHECK(result.out.empty());
  CHECK(number_of_errors(result.err) == 2);
  CHECK_THAT(result.err, ContainsSubstring("[rank 1] longspan: error: rank 1 lost its peers") &&
                             ContainsSubstring(": rank 0: "));
}

}  // namespace
}  // namespace longspan
