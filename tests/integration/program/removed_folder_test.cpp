// Someone removes the folder of a run that goes on.

#include <chrono>
#include <csignal>
#include <fstream>
#include <thread>

#include "longspan/core/error.h"
#include "support/tiny_run.h"
#include "support/torch_catch.h"

namespace longspan {
namespace {

using Catch::Matchers::ContainsSubstring;
using testing::TinyRun;

constexpr const char* kNotice = "the run's folder or files in it were removed";

// A run that lasts for some seconds, past its first checkpoint.
class GoingRun {
 public:
  GoingRun()
      : program_(tiny_.train_arguments(
                     "run", {"--set", "train.max_steps=1000000", "--set", "train.max_seconds=10"}),
                 tiny_.path(".")) {
    program_.wait_until([&] { return std::filesystem::exists(folder() / "checkpoints/latest"); });
    REQUIRE_FALSE(program_.has_ended());
  }

  const TinyRun& tiny() const { return tiny_; }
  std::filesystem::path folder() const { return tiny_.path("run"); }
  testing::Finished end() { return program_.wait(); }

 private:
  TinyRun tiny_;
  testing::Program program_;
};

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; ++at) ++count;
  return count;
}

TEST_CASE("a run whose folder is removed says so and leaves the rest whole") {
  GoingRun run;
  std::filesystem::rename(run.folder(), run.tiny().path("gone"));
  const auto result = run.end();
  INFO(result.err);
  CHECK(result.code == 0);
  CHECK(count_of(result.err, kNotice) == 1);
  CHECK_THAT(read_file(run.folder() / "log.txt"), ContainsSubstring(kNotice));
  for (const auto* name : {"config.yaml", "environment.json"})
    CHECK(read_file(run.folder() / name) == read_file(run.tiny().path("gone") / name));

  const auto before = testing::stable_rows(run.tiny().path("gone")),
             after = testing::stable_rows(run.folder());
  REQUIRE_FALSE(after.empty());
  std::int64_t step = before.back()["step"];
  for (const auto& row : after) {
    const auto next = row["step"].get<std::int64_t>();
    CHECK(next > step);
    CHECK(next <= step + 2);  // every second step is logged
    step = next;
  }
  const auto is_for_tensorboard = [](const auto& entry) {
    return entry.path().filename().string().starts_with("events.out.tfevents.");
  };
  const std::filesystem::directory_iterator entries(run.folder());
  CHECK(std::count_if(begin(entries), end(entries), is_for_tensorboard) == 1);

  const auto folder = run.folder().string();
  CHECK(run.tiny().run({"inspect", folder, "--verify"}).code == 0);
  const auto evaluated = run.tiny().run({"evaluate", folder, "--lengths", "16", "--json"});
  INFO(evaluated.err);
  REQUIRE(evaluated.code == 0);
  CHECK(evaluated.err.find("no whole checkpoint is marked best") == std::string::npos);
  const std::string digits = std::to_string(step);
  CHECK(read_file(run.folder() / "checkpoints/latest") ==
        "step-" + std::string(9 - digits.size(), '0') + digits + "\n");
}

TEST_CASE("a signal finds a checkpoint that was removed, and it is saved again") {
  const TinyRun tiny;
  // Steps that are long enough for the signal to come between two saves.
  testing::Program program(tiny.train_arguments("run", {"--set", "train.batch_tokens=16384",
                                                        "--set", "validate.every_steps=1000",
                                                        "--set", "checkpoint.every_steps=1"}),
                           tiny.path("."));
  program.wait_until([&] { return std::filesystem::exists(tiny.path("run/checkpoints/latest")); });
  std::filesystem::rename(tiny.path("run"), tiny.path("gone"));
  program.send(SIGTERM);
  const auto result = program.wait();
  INFO(result.err);
  CHECK(result.code == 143);
  CHECK(count_of(result.err, kNotice) == 1);
  const auto folder = tiny.path("run").string();
  CHECK(tiny.run({"inspect", folder, "--verify"}).code == 0);
  CHECK(tiny.run({"evaluate", folder, "--lengths", "16"}).code == 0);
}

TEST_CASE("a run whose folder cannot be made again goes on to its end, which is an error") {
  GoingRun run;
  // A file in the way. The run may have been faster in making its folder again.
  for (int i = 0; !std::filesystem::is_regular_file(run.folder()) && i < 1000; ++i) {
    std::error_code busy;
    std::filesystem::rename(run.folder(), run.tiny().path(concat("gone", i)), busy);
    std::ofstream(run.folder()) << "in the way";
  }
  const auto result = run.end();
  INFO(result.err);
  CHECK(result.code == 4);
  CHECK(count_of(result.err, "the run's folder cannot be written") == 1);
  CHECK_THAT(result.err, ContainsSubstring("longspan: error: " + run.folder().string() + ": "));
}

TEST_CASE("a run whose folder can be made again later goes on in it") {
  GoingRun run;
  for (int i = 0; !std::filesystem::is_regular_file(run.folder()) && i < 1000; ++i) {
    std::error_code busy;
    std::filesystem::rename(run.folder(), run.tiny().path(concat("gone", i)), busy);
    std::ofstream(run.folder()) << "in the way";
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  std::filesystem::remove(run.folder());
  const auto result = run.end();
  INFO(result.err);
  CHECK(result.code == 0);
  CHECK(count_of(result.err, "the run's folder cannot be written") == 1);
  CHECK(run.tiny().run({"inspect", run.folder().string(), "--verify"}).code == 0);
  const auto rows = testing::stable_rows(run.folder());
  REQUIRE(rows.size() > 1);
  for (std::size_t i = 1; i < rows.size(); ++i)
    CHECK(rows[i]["step"].get<std::int64_t>() - rows[i - 1]["step"].get<std::int64_t>() <= 2);
}

// The optimizer's state is collected from all ranks for a save, and whether one is due may depend
// on the best checkpoint, which rank 0 alone sees vanish.
TEST_CASE("several ranks agree on what is saved after the folder was removed") {
  const TinyRun tiny;
  const auto folder = tiny.path("run");
  testing::Program program(
      tiny.train_arguments(
          "run",
          {"--processes", "2", "--set", "train.max_steps=1000000", "--set", "train.max_seconds=6",
           "--set", "distributed={shard_optimizer: true, timeout_seconds: 10}", "--set",
           "schedule={kind: constant, peak_lr: 0.1}", "--set", "checkpoint.every_steps=0"}),
      tiny.path("."));
  program.wait_until([&] { return std::filesystem::exists(folder / "checkpoints/best"); });
  for (int i = 0; i < 5; ++i) {
    std::error_code busy;
    std::filesystem::rename(folder, tiny.path(concat("gone", i)), busy);
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
  }
  const auto result = program.wait();
  INFO(result.err);
  CHECK(result.code == 0);
  CHECK(tiny.run({"inspect", folder.string(), "--verify"}).code == 0);
}

}  // namespace
}  // namespace longspan
