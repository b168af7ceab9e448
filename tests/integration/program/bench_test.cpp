// longspan bench: what a step takes, without text and without a run.

#include <cmath>

#include "support/tiny_run.h"
#include "support/torch_catch.h"

namespace longspan {
namespace {

using Catch::Matchers::ContainsSubstring;
using testing::TinyRun;

TEST_CASE("bench times a step and its parts and leaves nothing behind") {
  const TinyRun tiny;
  const auto done = tiny.run({"bench", tiny.config().string(), "--vocab-size", "300", "--steps",
                              "3", "--threads", "1", "--json"});
  INFO(done.err);
  REQUIRE(done.code == 0);
  const Json result = parse_json(done.out, "standard output");
  const double median = result.at("step_seconds").at("median").get<double>();
  CHECK(std::abs(result.at("tokens_per_second").get<double>() * median - 128.0) < 1e-6);
  CHECK(std::abs(result.at("flop_per_second").get<double>() /
                     result.at("tokens_per_second").get<double>() -
                 result.at("flop_per_token").get<double>()) < 1e-3);
  double sum = 0.0;
  for (const auto& [part, seconds] : result.at("parts_seconds").items())
    sum += seconds.get<double>();
  CHECK(std::abs(sum - result.at("parts_step_seconds").get<double>()) < 1e-9);
  CHECK(result.at("vocab_size") == 300);
  CHECK(result.at("machine").at("fp32_flop_per_second").get<double>() > 1e8);
  CHECK(result.at("machine").at("bytes_per_second").get<double>() > 1e7);
  CHECK_FALSE(std::filesystem::exists(tiny.path("shards")));
  CHECK_FALSE(std::filesystem::exists(tiny.path("runs")));
}

TEST_CASE("bench says what it needs") {
  const TinyRun tiny;
  const auto without_size = tiny.run({"bench", tiny.config().string()});
  CHECK(without_size.code == 3);
  CHECK_THAT(without_size.err, ContainsSubstring("--vocab-size"));
  const auto no_steps = tiny.run({"bench", tiny.config().string(), "--steps", "0"});
  CHECK(no_steps.code == 2);
}

}  // namespace
}  // namespace longspan
