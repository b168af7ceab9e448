// The share of the machine's peak that a run says it reaches.

#include <cmath>
#include <cstdlib>
#include <sstream>

#include "longspan/core/files.h"
#include "support/tiny_run.h"
#include "support/torch_catch.h"

namespace longspan {
namespace {

using testing::TinyRun;

// Of the log, whose numbers have six digits.
double number_behind(const std::string& log, const std::string& key) {
  const std::size_t at = log.find(" " + key + "=");
  REQUIRE(at != std::string::npos);
  return std::strtod(log.c_str() + at + key.size() + 2, nullptr);
}

std::vector<Json> rows_of(const std::filesystem::path& run) {
  std::vector<Json> rows;
  std::istringstream lines(read_file(run / "metrics.jsonl"));
  for (std::string line; std::getline(lines, line);) rows.push_back(Json::parse(line));
  return rows;
}

void check_rows(const TinyRun& tiny, const std::string& run, const std::string& log,
                double flop_per_token) {
  const double peak = number_behind(log, "flop_per_second");
  CHECK(std::abs(number_behind(log, "flop_per_token") / flop_per_token - 1.0) < 1e-5);
  const auto rows = rows_of(tiny.path(run));
  REQUIRE(rows.size() >= 3);
  for (const Json& row : rows) {
    const double mfu = row["perf/mfu"].get<double>();
    CHECK(mfu > 0.0);
    const double wanted = row["perf/tokens_per_second"].get<double>() * flop_per_token / peak;
    CHECK(std::abs(mfu / wanted - 1.0) < 1e-5);
  }
}

TEST_CASE("utilization is the FLOP of plan times the tokens a second over the peak of all ranks") {
  const TinyRun tiny;
  const std::vector<std::string> settings{"--set", "log.mfu=true", "--set", "train.max_steps=6"};
  const auto one = tiny.train("one", settings);
  REQUIRE(one.code == 0);
  const auto planned = tiny.run({"plan", tiny.config().string(), "--json"});
  REQUIRE(planned.code == 0);
  const double flop = Json::parse(planned.out)["flop_per_token"].get<double>();
  check_rows(tiny, "one", one.err, flop);

  auto more = settings;
  more.insert(more.end(), {"--processes", "2"});
  const auto two = tiny.train("two", more);
  REQUIRE(two.code == 0);
  CHECK(number_behind(two.err, "ranks") == 2.0);
  check_rows(tiny, "two", two.err, flop);
}

}  // namespace
}  // namespace longspan
