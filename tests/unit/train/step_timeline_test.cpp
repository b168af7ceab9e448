// The spans of a step, on a device clock that notes what it is asked for.

#include <string>

#include "longspan/core/files.h"
#include "longspan/core/json.h"
#include "support/paths.h"
#include "support/temporary_folder.h"
#include "support/torch_catch.h"
#include "train/step.h"
#include "train/workspace.h"

namespace longspan {
namespace {

struct Counts {
  std::size_t marks = 0;
  int reads = 0;
};

// Passes its marks a millisecond apart.
class CountingClock final : public DeviceClock {
 public:
  explicit CountingClock(Counts& counts) : counts_(counts) {}
  std::size_t mark() override { return counts_.marks++; }
  std::vector<Timeline::Clock::time_point> read() override {
    ++counts_.reads;
    std::vector<Timeline::Clock::time_point> times;
    for (std::size_t i = 0; i < counts_.marks; ++i)
      times.emplace_back(std::chrono::milliseconds(i));
    return times;
  }

 private:
  Counts& counts_;
};

TEST_CASE("a step marks its spans in order and waits for none; other steps mark nothing") {
  const testing::TemporaryFolder folder;
  const auto config = read_run_config(
      config::Document::from_file(testing::source_folder() / "configs/tests/tiny.yaml",
                                  {"data.shards=" + (folder.path() / "shards").string()}));
  const auto communicator = make_lone_communicator();
  Workspace work(config, {folder.path() / "run", "never", {}}, *communicator);
  BatchLoader loader(work.train_stream, work.plan, config.data.seq_len,
                     work.data.tokenizer().start_id(), 0);
  Counts counts;
  Timeline timeline(std::make_unique<CountingClock>(counts));
  for (Timeline* target : {&timeline, static_cast<Timeline*>(nullptr)}) {
    const auto batch = loader.next();
    run_step({work.config, work.model, *work.optimizer, work.communicator},
             {.batch = batch, .vote = [] { return StepVote{}; }, .timeline = target});
    CHECK(counts.marks == 10);  // two passes' forward and backward, and the update
    CHECK(counts.reads == 0);
  }
  timeline.write(folder.path() / "timeline.json", 0);
  CHECK(counts.reads == 1);
  std::string on_device;
  double last_end = -1.0;
  const Json trace = Json::parse(read_file(folder.path() / "timeline.json"));
  for (const Json& event : trace.at("traceEvents")) {
    if (event.at("ph") != "X" || event.at("tid") != 2) continue;
    on_device += event.at("name").get<std::string>() + ", ";
    CHECK(event.at("ts").get<double>() > last_end);
    last_end = event.at("ts").get<double>() + event.at("dur").get<double>();
  }
  CHECK(on_device == "forward, backward, forward, backward, clip and update, ");
}

}  // namespace
}  // namespace longspan
