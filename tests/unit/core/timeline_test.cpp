#include "longspan/core/timeline.h"

#include <catch2/catch_test_macros.hpp>

#include "longspan/core/files.h"
#include "longspan/core/json.h"
#include "support/temporary_folder.h"

namespace longspan {
namespace {

TEST_CASE("a timeline is written as trace events") {
  const testing::TemporaryFolder folder;
  Timeline timeline;
  const auto start = Timeline::Clock::now();
  using std::chrono::microseconds;
  timeline.add("backward", Timeline::Lane::Compute, start, start + microseconds(500));
  timeline.add("bucket 0", Timeline::Lane::Communication, start + microseconds(100),
               start + microseconds(300));
  { const TimelineSpan unused(nullptr, "nothing"); }
  timeline.write(folder.path() / "trace.json", 3);
  const Json events = Json::parse(read_file(folder.path() / "trace.json")).at("traceEvents");
  REQUIRE(events.size() == 4);  // two names of rows, two spans
  const Json &backward = events[2], &bucket = events[3];
  CHECK(backward.at("ph") == "X");
  CHECK(backward.at("pid") == 3);
  CHECK(backward.at("tid") != bucket.at("tid"));
  CHECK(std::abs(backward.at("dur").get<double>() - 500.0) < 1e-3);
  CHECK(std::abs(bucket.at("ts").get<double>() - backward.at("ts").get<double>() - 100.0) < 1e-3);
}

}  // namespace
}  // namespace longspan
