// attention: how far each head of a run attends.

#include <cmath>
#include <set>

#include "integration/program/json_result.h"
#include "support/tiny_run.h"
#include "support/torch_catch.h"

namespace longspan {
namespace {

using Catch::Matchers::ContainsSubstring;
using testing::json_of;
using testing::TinyRun;
using Words = std::vector<std::string>;

testing::Finished attention(const TinyRun& tiny, const Words& more = {}) {
  Words words{"attention", tiny.path("run").string(), "--threads", "1"};
  words.insert(words.end(), more.begin(), more.end());
  return tiny.run(words);
}

void check_means(const Json& means, std::int64_t queries, std::int64_t length) {
  CHECK(means["queries"] == queries);
  CHECK(means["mean_distance"].get<double>() > 0.0);
  CHECK(means["mean_distance"].get<double>() < static_cast<double>(length));
  const double entropy = means["entropy_nats"].get<double>();
  CHECK(entropy > 0.0);
  CHECK(entropy <= std::log(static_cast<double>(length)));
  CHECK(std::abs(means["effective_keys"].get<double>() - std::exp(entropy)) < 1e-9);
}

TEST_CASE("attention measures each head at the trained length and beyond") {
  const TinyRun tiny;
  REQUIRE(tiny.train("run", {"--set", "model.num_layers=2"}).code == 0);
  const Json result = json_of(attention(tiny, {"--json", "--windows", "3"}));
  CHECK(result["format"] == "longspan.attention/1");
  CHECK(result["method"] == "alibi");
  CHECK(result["train_length"] == 16);
  CHECK(result["checkpoint_step"] == 20);
  CHECK(result["text"] == "valid");
  std::set<std::int64_t> lengths;
  for (const Json& cell : result["cells"]) {
    const auto length = cell["length"].get<std::int64_t>(),
               windows = cell["windows"].get<std::int64_t>();
    lengths.insert(length);
    CHECK(windows >= 1);
    CHECK(windows <= 3);
    REQUIRE(cell["heads"].size() == 4);
    CHECK(cell["heads"][3]["layer"] == 1);
    CHECK(cell["heads"][3]["head"] == 1);
    for (const Json& head : cell["heads"]) {
      check_means(head["all_queries"], windows * length, length);
      if (length == 16) {
        CHECK(head["all_queries"]["mass_beyond_trained"] == 0.0);
        CHECK(head["far_queries"].is_null());
      } else {
        check_means(head["far_queries"], windows * (length - 16), length);
        CHECK(head["far_queries"]["mass_beyond_trained"].get<double>() > 0.0);
      }
    }
  }
  CHECK(read_json(tiny.path("run/attention/valid.json")) == result);
  REQUIRE(lengths.size() >= 2);
  CHECK(*lengths.begin() == 16);
  // A window of the trained length leaves nothing beyond it.
  const Json windowed = json_of(
      attention(tiny, {"--json", "--lengths", "32", "--windows", "1", "--position", "window=16"}));
  CHECK(windowed["position_overrides"] == Json::array({"window=16"}));
  for (const Json& head : windowed["cells"][0]["heads"])
    CHECK(head["far_queries"]["mass_beyond_trained"] == 0.0);
  const auto table = attention(tiny, {"--lengths", "16,32", "--windows", "1"});
  CHECK(table.code == 0);
  CHECK_THAT(table.out, ContainsSubstring(", alibi, trained at length 16, step 20\n") &&
                            ContainsSubstring("far beyond") &&
                            ContainsSubstring("distance: from a query back to a key, in tokens"));
}

TEST_CASE("attention leaves its result where it is told to, and report shows what a run holds") {
  const TinyRun tiny;
  REQUIRE(tiny.train("run").code == 0);
  const Words few{"--lengths", "16,32", "--windows", "1"};
  const auto with = [&](const Words& more) {
    Words words = few;
    words.insert(words.end(), more.begin(), more.end());
    return attention(tiny, words).code;
  };
  std::filesystem::copy_file(tiny.config(), tiny.path("valid.txt"));
  CHECK(with({"--output", tiny.path("elsewhere").string()}) == 0);
  CHECK(std::filesystem::exists(tiny.path("elsewhere/valid.json")));
  CHECK_FALSE(std::filesystem::exists(tiny.path("run/attention")));
  CHECK(with({"--split", tiny.path("valid.txt").string()}) == 0);
  CHECK(std::filesystem::exists(tiny.path("run/attention/valid-text.json")));
  CHECK_FALSE(std::filesystem::exists(tiny.path("run/attention/valid.json")));
  const auto page = tiny.path("page.html");
  REQUIRE(tiny.run({"report", tiny.path("run").string(), "--output", page.string()}).code == 0);
  CHECK_THAT(read_file(page), ContainsSubstring("<h2>Reach of attention</h2>") &&
                                  ContainsSubstring("valid-text, windows of 32 tokens"));
  const Json shown = read_json(tiny.path("page.json"))["attention"][0],
             left = read_json(tiny.path("run/attention/valid-text.json"));
  CHECK(shown["checkpoint_step"] == left["checkpoint_step"]);
  const Json &head = shown["cells"][1]["heads"][1], &measured = left["cells"][1]["heads"][1];
  CHECK(head["mean_distance"] == measured["all_queries"]["mean_distance"]);
  CHECK(head["mass_beyond_trained"] == measured["far_queries"]["mass_beyond_trained"]);
  write_file_durably(tiny.path("run/attention/valid-text.json"), "{\"format\": \"other/1\"}");
  const auto refused = tiny.run({"report", tiny.path("run").string(), "--output", page.string()});
  CHECK(refused.code == 3);
  CHECK_THAT(refused.err,
             ContainsSubstring("attention/valid-text.json") && ContainsSubstring("format"));
}

TEST_CASE("attention says what it cannot measure") {
  const TinyRun tiny;
  REQUIRE(tiny.train("run").code == 0);
  const auto fails = [&](const Words& more, int code, const std::string& text) {
    const auto result = attention(tiny, more);
    INFO(result.err);
    CHECK(result.code == code);
    CHECK(result.out.empty());
    CHECK_THAT(result.err, ContainsSubstring(text));
  };
  fails({"--windows", "0"}, 2, "--windows must be at least 1, got 0");
  fails({"--lengths", "1000000"}, 3, "must have a window of each of --lengths, it has ");
  fails({"--lengths", "x"}, 2, "--lengths must be like 64,128,256");
  fails({"--checkpoint", tiny.path("none").string()}, 4, "none");
  fails({"--split", tiny.path("none.txt").string()}, 3, "none.txt");
  const auto no_run = tiny.run({"attention", tiny.path("shards").string()});
  CHECK(no_run.code == 2);
}

}  // namespace
}  // namespace longspan
