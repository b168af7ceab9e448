// The schedules: the cosine against fairseq's own numbers, the others against their formulas.
#include <cmath>
#include <string>

#include "longspan/core/error.h"
#include "longspan/core/json.h"
#include "longspan/optim/schedule.h"
#include "support/paths.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

namespace longspan {
namespace {

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;

ScheduleConfig read(const std::string& section, std::optional<std::int64_t> max_steps) {
  const auto document = config::Document::from_text("schedule: " + section + "\n", "run.yaml");
  return read_schedule_config(document.root().section("schedule"), max_steps);
}

void check_refused(const std::string& section, std::optional<std::int64_t> max_steps,
                   const std::string& text) {
  try {
    read(section, max_steps);
    FAIL("accepted " << section);
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::Config);
    CHECK_THAT(error.what(), ContainsSubstring("run.yaml:1:") && ContainsSubstring(text));
  }
}

std::size_t check_points(const Json& numbers, const Json& points) {
  ScheduleConfig config;
  config.peak_lr = numbers.at("lr");
  config.min_lr = numbers.at("min_lr");
  config.warmup_init_lr = numbers.at("warmup_init_lr");
  config.warmup_steps = numbers.at("warmup");
  config.period_steps = numbers.at("period");
  config.period_factor = numbers.at("t_mult");
  config.shrink = numbers.at("shrink");
  for (const auto& point : points) {
    INFO("step " << point.at(0));
    CHECK_THAT(learning_rate(config, point.at(0)), WithinAbs(point.at(1).get<double>(), 1e-12));
  }
  return points.size();
}

TEST_CASE("the cosine gives fairseq's rates, restarts included") {
  const Json golden = read_json(testing::source_folder() / "tests/golden/lr_schedule.json");
  CHECK(check_points(golden.at("config"), golden.at("points")) == 40);
  REQUIRE(golden.at("extra").size() == 2);
  CHECK(check_points(golden.at("extra")[0].at("config"), golden.at("extra")[0].at("points")) ==
        121);
  CHECK(check_points(golden.at("extra")[1].at("config"), golden.at("extra")[1].at("points")) == 41);
}

TEST_CASE("linear falls to min_lr over the period and stays") {
  const auto config = read(
      "{kind: linear, peak_lr: 0.8, min_lr: 0.2, warmup_steps: 4, warmup_init_lr: 0.1, "
      "period_steps: 6}",
      0);
  CHECK(learning_rate(config, 0) == 0.1);
  CHECK_THAT(learning_rate(config, 2), WithinAbs(0.45, 1e-15));
  CHECK(learning_rate(config, 4) == 0.8);
  CHECK_THAT(learning_rate(config, 7), WithinAbs(0.5, 1e-15));
  CHECK_THAT(learning_rate(config, 10), WithinAbs(0.2, 1e-15));
  CHECK_THAT(learning_rate(config, 99), WithinAbs(0.2, 1e-15));
}

TEST_CASE("inverse_sqrt falls with the root of the step") {
  const auto config = read("{kind: inverse_sqrt, peak_lr: 0.5, warmup_steps: 9}", {});
  CHECK(learning_rate(config, 0) == 0.0);
  CHECK(learning_rate(config, 9) == 0.5);
  CHECK_THAT(learning_rate(config, 36), WithinAbs(0.25, 1e-15));
  CHECK(learning_rate(read("{kind: inverse_sqrt, peak_lr: 0.5}", {}), 3) == 0.25);
}

TEST_CASE("constant stays at the peak") {
  const auto config = read("{kind: constant, peak_lr: 0.3, warmup_steps: 3}", {});
  CHECK_THAT(learning_rate(config, 1), WithinAbs(0.1, 1e-15));
  CHECK(learning_rate(config, 1000000) == 0.3);
}

TEST_CASE("a missing period is the rest of the run") {
  CHECK(read("{kind: cosine, peak_lr: 1, warmup_steps: 30}", 100).period_steps == 70);
  CHECK(read("{kind: linear, peak_lr: 1, warmup_steps: 30}", 20).period_steps == 1);
  CHECK(read("{kind: cosine, peak_lr: 1, period_steps: 12}", 100).period_steps == 12);
  check_refused("{kind: cosine, peak_lr: 1}", {}, "schedule.period_steps must be given");
}

TEST_CASE("schedule options that the kind lacks or that do not fit are refused") {
  check_refused("{kind: constant, peak_lr: 1, min_lr: 0.1}", 5,
                "schedule.min_lr must not be given with this kind (it is an option of cosine, "
                "linear), got kind constant");
  check_refused("{kind: linear, peak_lr: 1, shrink: 0.5}", 5, "schedule.shrink must not be given");
  check_refused("{kind: inverse_sqrt, peak_lr: 1, period_steps: 4}", 5,
                "schedule.period_steps must not be given");
  check_refused("{kind: cosine, min_lr: 0.1}", 5, "schedule.peak_lr");
  check_refused("{kind: cosine, peak_lr: 0.1, min_lr: 0.2}", 5, "schedule.min_lr");
  check_refused("{kind: cosine, peak_lr: 0.1, warmup_init_lr: 0.01}", 5,
                "schedule.warmup_init_lr must not be given without a warm-up");
  check_refused("{kind: cosine, peak_lr: 1, period_factor: 0.5}", 5, "schedule.period_factor");
  check_refused("{kind: cosin, peak_lr: 1}", 5, "schedule.kind");
}

}  // namespace
}  // namespace longspan
