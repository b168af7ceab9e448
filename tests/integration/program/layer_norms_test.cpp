// Norms and extremes of layers in metrics: they change none of a run's bits, and are those of one
// process whatever the number, and those of a run that was not stopped.

#include <algorithm>
#include <cmath>

#include "support/tiny_run.h"
#include "support/torch_catch.h"

namespace longspan {
namespace {

using testing::TinyRun;

bool is_of_layer(const std::string& key) {
  constexpr const char* kBeginnings[]{"grad_norm/", "weight_norm/", "update_norm/",
                                      "activation_max/"};
  return std::ranges::any_of(kBeginnings, [&](const char* each) { return key.starts_with(each); });
}

Json without_norms(const Json& row) {
  Json kept = Json::object();
  for (const auto& [key, value] : row.items())
    if (!is_of_layer(key)) kept[key] = value;
  return kept;
}

void check_same_end(const TinyRun& tiny, const std::string& one, const std::string& other) {
  for (const char* file : {"model.safetensors", "optimizer.safetensors"})
    CHECK(testing::checkpoint_file(tiny.path(one), 20, file) ==
          testing::checkpoint_file(tiny.path(other), 20, file));
  const auto rows = testing::stable_rows(tiny.path(one)),
             others = testing::stable_rows(tiny.path(other));
  REQUIRE(rows.size() == others.size());
  for (std::size_t i = 0; i < rows.size(); ++i)
    CHECK(without_norms(rows[i]) == without_norms(others[i]));
}

TEST_CASE("norms of layers and their extremes leave a run its bits") {
  const TinyRun tiny;
  REQUIRE(tiny.train("plain").code == 0);
  const auto watched =
      tiny.train("watched", {"--set", "log.layer_norms=true", "--set", "log.activation_max=true"});
  REQUIRE(watched.code == 0);
  check_same_end(tiny, "plain", "watched");

  for (const Json& row : testing::stable_rows(tiny.path("watched"))) {
    CAPTURE(row["step"]);
    const bool is_logged = row["step"].get<int>() % 2 == 0;  // the others are validations
    for (const char* key : {"grad_norm/layers.0", "weight_norm/layers.0", "update_norm/layers.0",
                            "activation_max/layers.0"})
      CHECK(row.contains(key) == is_logged);
    if (!is_logged) continue;
    double squares = 0.0;
    for (const auto& [key, value] : row.items())
      if (key.starts_with("grad_norm/")) squares += std::pow(value.get<double>(), 2);
    // Sums of 10^4 squares in double, in two orders.
    CHECK(std::abs(std::sqrt(squares) / row["train/grad_norm"].get<double>() - 1.0) <
          1e4 * 0x1p-53);
  }
}

TEST_CASE("two processes have the norms of layers that one has") {
  const TinyRun tiny;
  const std::vector<std::string> norms{"--set", "log.layer_norms=true", "--set",
                                       "log.activation_max=true"};
  REQUIRE(tiny.train("one", norms).code == 0);
  auto more = norms;
  more.insert(more.end(), {"--processes", "2"});
  REQUIRE(tiny.train("two", more).code == 0);
  more.insert(more.end(), {"--set", "distributed.shard_optimizer=true"});
  REQUIRE(tiny.train("sharded", more).code == 0);
  const auto one = testing::stable_rows(tiny.path("one")),
             two = testing::stable_rows(tiny.path("two"));
  CHECK(testing::stable_rows(tiny.path("sharded")) == two);
  REQUIRE(two.size() == one.size());
  int compared = 0;
  for (std::size_t i = 0; i < one.size(); ++i)
    for (const auto& [key, value] : one[i].items()) {
      if (!is_of_layer(key)) continue;
      CAPTURE(one[i]["step"], key);
      REQUIRE(two[i].contains(key));
      // The order of float32 sums, which 20 steps raise.
      CHECK(std::abs(two[i][key].get<double>() / value.get<double>() - 1.0) < 1e-3);
      ++compared;
    }
  CHECK(compared >= 80);
}

TEST_CASE("a run that was stopped has the norms of one that was not") {
  const TinyRun tiny;
  const std::vector<std::string> norms{"--set", "log.layer_norms=true"};
  REQUIRE(tiny.train("whole", norms).code == 0);
  // The first call ends between two rows, with a validation of its own.
  auto part = norms;
  part.insert(part.end(), {"--set", "train.max_steps=7", "--set", "schedule.period_steps=17"});
  REQUIRE(tiny.train("parts", part).code == 0);
  auto rest = norms;
  rest.insert(rest.end(), {"--set", "schedule.period_steps=17"});
  REQUIRE(tiny.train("parts", rest).code == 0);
  const auto rows = testing::stable_rows(tiny.path("parts"));
  for (const Json& whole : testing::stable_rows(tiny.path("whole"))) {
    CAPTURE(whole["step"]);
    const auto same_step = [&](const Json& row) { return row["step"] == whole["step"]; };
    const auto row = std::ranges::find_if(rows, same_step);
    REQUIRE(row != rows.end());
    for (const auto& [key, value] : whole.items())
      if (is_of_layer(key)) CHECK(row->value(key, Json()) == value);
  }
}

}  // namespace
}  // namespace longspan
