// A run that is killed, stopped or split continues as if nothing had happened: same weights, same
// rows, bit for bit.

#include <chrono>
#include <csignal>
#include <thread>

#include "longspan/core/random.h"
#include "support/tiny_run.h"
#include "support/torch_catch.h"

namespace longspan {
namespace {

using testing::TinyRun;

void check_equal_runs(const TinyRun& tiny, const std::string& a, const std::string& b) {
  for (const auto* file : {"model.safetensors", "optimizer.safetensors"})
    CHECK(testing::checkpoint_file(tiny.path(a), 20, file) ==
          testing::checkpoint_file(tiny.path(b), 20, file));
  const auto rows = testing::stable_rows(tiny.path(a)), others = testing::stable_rows(tiny.path(b));
  CHECK(rows.size() >= 10);
  CHECK(rows == others);
}

TEST_CASE("a run killed at random instants ends with the bits of one that never was") {
  const TinyRun tiny;
  REQUIRE(tiny.train("whole").code == 0);
  const auto started = std::chrono::steady_clock::now();
  REQUIRE(tiny.train("timing").code == 0);
  const std::chrono::duration<double> whole = std::chrono::steady_clock::now() - started;
  RandomStream random(11, RandomPurpose::Benchmark, 0);
  for (int kill = 0; kill < 4; ++kill) {
    testing::Program program(tiny.train_arguments("killed"), tiny.path("."));
    std::this_thread::sleep_for(whole * (0.2 + 0.9 * random.uniform()));
    program.send(SIGKILL);
    program.wait();
  }
  const auto last = tiny.train("killed");
  INFO(last.err);
  REQUIRE(last.code == 0);
  check_equal_runs(tiny, "whole", "killed");
}

TEST_CASE("SIGTERM saves, ends with 143, and the run goes on from there") {
  const TinyRun tiny;
  REQUIRE(tiny.train("whole").code == 0);
  testing::Program program(tiny.train_arguments("stopped"), tiny.path("."));
  const auto checkpoint = tiny.path("stopped/checkpoints/step-000000005/manifest.json");
  program.wait_until([&] { return std::filesystem::exists(checkpoint); });
  program.send(SIGTERM);
  const auto stopped = program.wait();
  if (stopped.code != 0) CHECK(stopped.code == 143);  // 0 when it was done before the signal came
  REQUIRE(tiny.train("stopped").code == 0);
  check_equal_runs(tiny, "whole", "stopped");
}

TEST_CASE("training on in two parts equals training at once") {
  const TinyRun tiny;
  REQUIRE(tiny.train("whole").code == 0);
  REQUIRE(tiny.train("parts", {"--set", "train.max_steps=7", "--set", "schedule.period_steps=17"})
              .code == 0);
  const auto more = tiny.train("parts", {"--set", "schedule.period_steps=17"});
  INFO(more.err);
  REQUIRE(more.code == 0);
  CHECK(testing::checkpoint_file(tiny.path("whole"), 20, "model.safetensors") ==
        testing::checkpoint_file(tiny.path("parts"), 20, "model.safetensors"));
  const auto again = tiny.train("parts", {"--set", "schedule.period_steps=17"});
  CHECK(again.code == 0);
  CHECK(again.err.find("already trained to its end") != std::string::npos);
}

TEST_CASE("the split into micro-batches changes nothing but rounding") {
  const TinyRun tiny;
  REQUIRE(tiny.train("halves").code == 0);
  REQUIRE(tiny.train("whole", {"--set", "train.micro_batch_tokens=128"}).code == 0);
  const auto halves = testing::stable_rows(tiny.path("halves")),
             whole = testing::stable_rows(tiny.path("whole"));
  REQUIRE(halves.size() == whole.size());
  for (std::size_t i = 0; i < halves.size(); ++i) {
    const double a = halves[i]["train/loss"].get<double>(),
                 b = whole[i]["train/loss"].get<double>();
    // Another dropout mask would move the loss by some 1e-2; float32 sums in another order, grown
    // over 20 steps, do not.
    CHECK(std::abs(a / b - 1) < 1e-4);
  }
}

}  // namespace
}  // namespace longspan
