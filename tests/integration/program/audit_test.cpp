// audit: attention's bias against float64, of a configuration and of a run.

#include <set>

#include "integration/program/json_result.h"
#include "longspan/position/position.h"
#include "support/tiny_run.h"
#include "support/torch_catch.h"

namespace longspan {
namespace {

using Catch::Matchers::ContainsSubstring;
using testing::json_of;
using testing::TinyRun;
using Words = std::vector<std::string>;

testing::Finished audit(const TinyRun& tiny, const std::string& path, const Words& more = {}) {
  Words words{"audit", path, "--threads", "1"};
  words.insert(words.end(), more.begin(), more.end());
  return tiny.run(words);
}

void check_audits(const Json& result, const std::set<std::int64_t>& lengths) {
  std::set<std::string> combinations;
  std::set<std::int64_t> found;
  for (const Json& each : result["audits"]) {
    combinations.insert(each["precision"].get<std::string>() + " " +
                        each["pass"].get<std::string>());
    found.insert(each["length"].get<std::int64_t>());
    CHECK(each["within_bound"] == true);
    CHECK_FALSE(each["path"].get<std::string>().empty());
    CHECK(each["heads"].size() == 2);
    for (const Json& head : each["heads"]) {
      CHECK(head["of_bound"].get<double>() <= 1.0);
      CHECK(head["absolute_error"].get<double>() >= 0.0);
    }
    CHECK(each["distances"].back()["last"] == each["length"].get<std::int64_t>() - 1);
  }
  CHECK(combinations.size() == 9);
  CHECK(found == lengths);
  CHECK(result["audits"].size() == 9 * lengths.size());
}

TEST_CASE("audit holds every method's bias of a configuration against float64") {
  const TinyRun tiny;
  for (const auto& kind : position_kinds()) {
    CAPTURE(kind);
    const Json result =
        json_of(audit(tiny, tiny.config().string(),
                      {"--json", "--lengths", "16", "--set", "position={kind: " + kind + "}"}));
    CHECK(result["format"] == "longspan.audit/1");
    CHECK(result["method"] == kind);
    CHECK(result["within_bound"] == true);
    check_audits(result, {16});
  }
  CHECK(!std::filesystem::exists(tiny.path("shards")));
}

TEST_CASE("audit of a run takes its values, its lengths from the trained one on, and a table") {
  const TinyRun tiny;
  REQUIRE(tiny.train("run", {"--set", "position={kind: t5}", "--set", "train.max_steps=2"}).code ==
          0);
  const std::string run = tiny.path("run").string();
  check_audits(json_of(audit(tiny, run, {"--json"})), {16, 32, 64, 128, 256});
  const auto table = audit(tiny, run, {"--lengths", "16"});
  INFO(table.err);
  CHECK(table.code == 0);
  CHECK_THAT(table.out, ContainsSubstring("precision pass") && ContainsSubstring("decoding") &&
                            ContainsSubstring("fused query blocks on the CPU") &&
                            ContainsSubstring("The run computes in fp32."));
  // Per-layer tables are audited one by one.
  REQUIRE(tiny.train("layers", {"--set", "position={kind: t5, shared: false}", "--set",
                                "model.num_layers=2", "--set", "train.max_steps=2"})
              .code == 0);
  const Json layers =
      json_of(audit(tiny, tiny.path("layers").string(), {"--json", "--lengths", "16"}));
  std::set<int> found;
  for (const Json& each : layers["audits"]) found.insert(each["layer"].get<int>());
  CHECK(found == std::set{0, 1});
}

TEST_CASE("audit says what it cannot audit") {
  const TinyRun tiny;
  const auto no_file = audit(tiny, tiny.path("none.yaml").string());
  CHECK(no_file.code == 3);
  CHECK(no_file.out.empty());
  const auto no_run = audit(tiny, tiny.path("").string());
  CHECK(no_run.code != 0);
  CHECK(no_run.out.empty());
  const auto lengths = audit(tiny, tiny.config().string(), {"--lengths", "0"});
  CHECK(lengths.code == 2);
  const auto limit = audit(tiny, tiny.config().string(),
                           {"--set", "position={kind: learned}", "--lengths", "16,17"});
  CHECK(limit.code == 2);
  CHECK_THAT(limit.err, ContainsSubstring("--lengths must not exceed the 16 positions that learned "
                                          "can tell apart, got 17"));
}

}  // namespace
}  // namespace longspan
