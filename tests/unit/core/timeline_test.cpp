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
  timeline.add("backward", Timeline::Lane::Compute, {start}, {start + microseconds(500)});
  timeline.add("bucket 0", Timeline::Lane::Communication, {start + microseconds(100)},
               {start + microseconds(300)});
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

// Passes its marks a millisecond apart, and notes what it is asked for.
class NotingClock final : public DeviceClock {
 public:
  explicit NotingClock(std::string& calls) : calls_(calls) {}
  std::size_t mark() override {
    calls_ += 'm';
    return marks_++;
  }
  std::vector<Timeline::Clock::time_point> read() override {
    calls_ += 'r';
    std::vector<Timeline::Clock::time_point> times;
    for (std::size_t i = 0; i < marks_; ++i)
      times.emplace_back(std::chrono::milliseconds(10 + static_cast<int>(i)));
    return times;
  }

 private:
  std::string& calls_;
  std::size_t marks_ = 0;
};

TEST_CASE("a device's own times stand in rows of their own, read once at the end") {
  const testing::TemporaryFolder folder;
  std::string calls;
  Timeline timeline(std::make_unique<NotingClock>(calls));
  {
    const TimelineSpan outer(&timeline, "outer");
    { const TimelineSpan inner(&timeline, "inner"); }
    const TimelineSpan bucket(&timeline, "bucket", Timeline::Lane::Communication);
  }
  CHECK(calls == "mmmmmm");
  timeline.write(folder.path() / "trace.json", 0);
  CHECK(calls == "mmmmmmr");
  const Json events = Json::parse(read_file(folder.path() / "trace.json")).at("traceEvents");
  std::string on_host, on_device, rows;
  for (const Json& event : events) {
    const auto name = event.at("name").get<std::string>();
    const int row = event.at("tid").get<int>();
    if (name == "thread_name")
      rows += std::to_string(row) + event.at("args").at("name").get<std::string>() + ' ';
    else if (row < 2)
      on_host += std::to_string(row) + name + ' ';
    else
      on_device += std::to_string(row) + name + ' ' +
                   std::to_string(static_cast<int>(event.at("ts").get<double>() + 0.5)) + '+' +
                   std::to_string(static_cast<int>(event.at("dur").get<double>() + 0.5)) + ' ';
  }
  CHECK(rows == "0compute 1communication 2GPU 3GPU communication ");
  CHECK(on_host == "0inner 1bucket 0outer ");
  CHECK(on_device == "2inner 11000+1000 3bucket 13000+1000 2outer 10000+5000 ");
}

}  // namespace
}  // namespace longspan
