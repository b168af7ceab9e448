// The keys in which two runs' configurations differ.

#include "longspan/core/files.h"
#include "support/tiny_run.h"
#include "support/torch_catch.h"

namespace longspan {
namespace {

using Catch::Matchers::ContainsSubstring;
using testing::TinyRun;

TEST_CASE("inspect --diff: keys that differ, defaults included") {
  const TinyRun tiny;
  const std::vector<std::string> short_run{"--set", "train.max_steps=1", "--set",
                                           "validate.max_targets=50"};
  auto other = short_run;
  other.insert(other.end(), {"--set", "position={kind: t5, num_buckets: 8}", "--set", "seed=9",
                             "--set", "train.precision=fp32"});
  REQUIRE(tiny.train("a", short_run).code == 0);
  REQUIRE(tiny.train("b", other).code == 0);
  const auto diff = [&](const std::string& left, const std::string& right,
                        const std::vector<std::string>& more = {}) {
    std::vector<std::string> words{"inspect", tiny.path(left).string(), "--diff",
                                   tiny.path(right).string()};
    words.insert(words.end(), more.begin(), more.end());
    return tiny.run(words);
  };
  const auto found = diff("a", "b", {"--json"});
  INFO(found.err);
  REQUIRE(found.code == 0);
  const Json json = Json::parse(found.out);
  CHECK(json["kind"] == "diff");
  const auto change = [&](const std::string& key) -> Json {
    for (const Json& each : json["changes"])
      if (each["key"] == key) return {each["left"], each["right"]};
    return nullptr;
  };
  CHECK(change("seed") == Json({"7", "9"}));
  CHECK(change("position.kind") == Json({"alibi", "t5"}));
  CHECK(change("position.num_buckets") == Json({"absent", "8"}));
  CHECK(change("position.max_distance") == Json({"absent", "128"}));  // a default
  CHECK(change("position.form") == Json({"relative", "absent"}));
  CHECK(change("train.precision").is_null());  // given in one, the default in the other
  CHECK(change("name").is_null());

  const auto text = diff("a", "b");
  CHECK_THAT(text.out, ContainsSubstring("\nseed\n  left:  7\n  right: 9\n"));
  CHECK_THAT(diff("a", "a").out, ContainsSubstring("no key differs\n"));
  const auto file = diff("tiny.yaml", "a");
  CHECK_THAT(file.out, ContainsSubstring("\ntrain.max_steps\n  left:  20\n  right: 1\n"));
  CHECK_FALSE(file.out.find("data.shards") != std::string::npos);
}

TEST_CASE("inspect --diff: what is no run is refused") {
  const TinyRun tiny;
  make_folder(tiny.path("empty"));
  const auto refused = [&](const std::string& left, const std::string& right) {
    const auto result =
        tiny.run({"inspect", tiny.path(left).string(), "--diff", tiny.path(right).string()});
    CHECK(result.code == 2);
    CHECK(result.out.empty());
    return result.err;
  };
  CHECK_THAT(
      refused("tiny.yaml", "empty"),
      ContainsSubstring("empty must be the folder of a run for --diff, it has no config.yaml"));
  CHECK_THAT(refused("gone", "tiny.yaml"), ContainsSubstring("gone must be the folder of a run"));
  CHECK_THAT(tiny.run({"inspect", tiny.config().string(), "--diff", "x", "--step", "1"}).err,
             ContainsSubstring("--diff"));
}

}  // namespace
}  // namespace longspan
