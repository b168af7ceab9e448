// What a run does with signals: it says at once that one came, saves, and continues later as if
// nothing had happened.

#include <chrono>
#include <csignal>
#include <thread>

#include "longspan/core/error.h"
#include "support/tiny_run.h"
#include "support/torch_catch.h"

namespace longspan {
namespace {

using Catch::Matchers::ContainsSubstring;
using testing::TinyRun;

// Steps of 64 passes, 20 of them, and nothing else before the end: a signal lands inside of one.
const std::vector<std::string> kManyPasses{
    "--set",
    "train={max_steps: 20, batch_tokens: 16384, "
    "micro_batch_tokens: 256}",
    "--set",
    "validate={every_steps: 0, lengths: [16], max_targets: 100}",
    "--set",
    "checkpoint.every_steps=0"};
// A validation of a few seconds when all of its targets are scored, and one of milliseconds.
const std::string kLargeValid =
    "data.valid={synthetic: {seed: 2, num_articles: 600, vocab_words: 200}}";
std::vector<std::string> validating(const std::string& max_targets) {
  return {"--set", kLargeValid, "--set",
          "validate={every_steps: 10, lengths: [16], max_targets: " + max_targets + "}"};
}

bool contains(const std::filesystem::path& file, const std::string& text) {
  return std::filesystem::exists(file) && read_file(file).find(text) != std::string::npos;
}

void check_same_end(const TinyRun& tiny, const std::string& a, const std::string& b) {
  for (const auto* file : {"model.safetensors", "optimizer.safetensors"})
    CHECK(testing::checkpoint_file(tiny.path(a), 20, file) ==
          testing::checkpoint_file(tiny.path(b), 20, file));
  CHECK(testing::stable_rows(tiny.path(a)) == testing::stable_rows(tiny.path(b)));
}

TEST_CASE("each stop signal saves, ends with 128 + its number, and the run goes on from there") {
  const TinyRun tiny;
  REQUIRE(tiny.train("whole").code == 0);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGXCPU}) {
    const std::string run = concat("run", signal);
    testing::Program program(tiny.train_arguments(run), tiny.path("."));
    program.wait_until([&] { return contains(tiny.path(run + "/metrics.jsonl"), "\"step\":2,"); });
    program.send(signal);
    const auto stopped = program.wait();
    INFO(stopped.err);
    if (stopped.code != 0) CHECK(stopped.code == 128 + signal);  // 0: done before the signal came
    REQUIRE(tiny.train(run).code == 0);
    check_same_end(tiny, "whole", run);
  }
}

TEST_CASE(
    "a signal is answered at once and obeyed between passes: the unfinished step is dropped") {
  const TinyRun tiny;
  REQUIRE(tiny.train("whole", kManyPasses).code == 0);
  testing::Program program(tiny.train_arguments("stopped", kManyPasses), tiny.path("."));
  program.wait_until([&] { return contains(tiny.path("stopped/metrics.jsonl"), "\"step\":4,"); });
  program.send(SIGTERM);
  const auto stopped = program.wait();
  INFO(stopped.err);
  REQUIRE(stopped.code == 143);
  CHECK_THAT(stopped.err, ContainsSubstring("received SIGTERM: saves, and ends, after the pass "
                                            "over the micro-batch that is under way"));
  CHECK_THAT(stopped.err, ContainsSubstring("stopped by a signal after a save"));
  REQUIRE(tiny.train("stopped", kManyPasses).code == 0);
  check_same_end(tiny, "whole", "stopped");
}

TEST_CASE("a signal in a validation ends it between batches; the validation is done afterwards") {
  const TinyRun tiny;
  const auto settings = validating("400");
  REQUIRE(tiny.train("whole", settings).code == 0);
  testing::Program program(tiny.train_arguments("stopped", validating("0")), tiny.path("."));
  program.wait_until([&] { return contains(tiny.path("stopped/metrics.jsonl"), "\"step\":8,"); });
  std::this_thread::sleep_for(std::chrono::milliseconds(150));
  program.send(SIGTERM);
  const auto stopped = program.wait();
  INFO(stopped.err);
  REQUIRE(stopped.code == 143);
  CHECK_THAT(stopped.err, ContainsSubstring("after the batch of the validation that is under way"));
  REQUIRE(contains(tiny.path("stopped/checkpoints/step-000000010/trainer.json"), "grad_norm"));
  CHECK_FALSE(contains(tiny.path("stopped/metrics.jsonl"), "\"step\":10,"));
  REQUIRE(tiny.train("stopped", settings).code == 0);
  check_same_end(tiny, "whole", "stopped");
}

// The checkpoint of a stopped validation knows of no row of its step, which is written after a
// restart, and once more after the next one.
TEST_CASE("a run killed after a validation that a signal had stopped has each row once") {
  const TinyRun tiny;
  const auto words = [&](const std::string& max_targets, const std::string& max_steps) {
    auto settings = validating(max_targets);
    settings.insert(settings.end(),
                    {"--set", "train.max_steps=" + max_steps, "--set", "schedule.period_steps=17",
                     "--set", "checkpoint={every_steps: 0, keep_best: \"\"}"});
    return tiny.train_arguments("run", settings);
  };
  const auto metrics = tiny.path("run/metrics.jsonl");
  testing::Program stopped(words("0", "100000"), tiny.path("."));
  stopped.wait_until([&] { return contains(metrics, "\"step\":8,"); });
  std::this_thread::sleep_for(std::chrono::milliseconds(150));
  stopped.send(SIGTERM);
  REQUIRE(stopped.wait().code == 143);
  REQUIRE(contains(tiny.path("run/checkpoints/step-000000010/trainer.json"), "grad_norm"));
  testing::Program killed(words("400", "100000"), tiny.path("."));
  killed.wait_until([&] { return contains(metrics, "\"step\":12,"); });
  killed.send(SIGKILL);
  killed.wait();
  REQUIRE(tiny.run(words("400", "20")).code == 0);
  std::int64_t before = 0;
  for (const auto& row : testing::stable_rows(tiny.path("run"))) {
    CHECK(row["step"] > before);
    before = row["step"];
  }
}

TEST_CASE("SIGUSR1 saves and the run goes on") {
  const TinyRun tiny;
  const std::vector<std::string> settings{"--set", "train.max_steps=100000",
                                          "--set", "checkpoint.every_steps=0",
                                          "--set", "validate.every_steps=0"};
  testing::Program program(tiny.train_arguments("run", settings), tiny.path("."));
  program.wait_until([&] { return contains(tiny.path("run/metrics.jsonl"), "\"step\":4,"); });
  program.send(SIGUSR1);
  program.wait_until([&] { return std::filesystem::exists(tiny.path("run/checkpoints/latest")); });
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  CHECK_FALSE(program.has_ended());
  program.send(SIGTERM);
  const auto result = program.wait();
  INFO(result.err);
  CHECK(result.code == 143);
  CHECK_THAT(result.err, ContainsSubstring("received SIGUSR1: saves, and goes on"));
}

// One pass a step, long enough for a second signal to come while the first waits for its end.
const std::vector<std::string> kOneLongPass{
    "--set", "train={max_steps: 1000, batch_tokens: 131072, micro_batch_tokens: 131072}",
    "--set", "validate={every_steps: 0, lengths: [16], max_targets: 100}",
    "--set", "checkpoint.every_steps=0"};

// Sends a signal twice, so many milliseconds apart, and returns how the run ended.
testing::Finished send_twice(const TinyRun& tiny, const std::string& run, int signal, int apart) {
  testing::Program program(tiny.train_arguments(run, kOneLongPass), tiny.path("."));
  program.wait_until([&] { return contains(tiny.path(run + "/metrics.jsonl"), "\"step\":2,"); });
  program.send(signal);
  std::this_thread::sleep_for(std::chrono::milliseconds(apart));
  program.send(signal);
  return program.wait();
}

TEST_CASE("a signal that comes twice by itself still saves") {
  const TinyRun tiny;
  for (const int signal : {SIGTERM, SIGHUP, SIGXCPU, SIGINT}) {
    const std::string run = concat("run", signal);
    const auto result = send_twice(tiny, run, signal, 30);
    INFO(result.err);
    CHECK(result.code == 128 + signal);
    CHECK_THAT(result.err, ContainsSubstring("stopped by a signal after a save"));
    CHECK(std::filesystem::exists(tiny.path(run + "/checkpoints/latest")));
  }
}

TEST_CASE("a second SIGINT leaves at once, and the run goes on from its last checkpoint") {
  const TinyRun tiny;
  REQUIRE(tiny.train("run", {"--set", "train.max_steps=5"}).code == 0);
  auto words = kOneLongPass;
  words[1] = "train={max_steps: 1000, batch_tokens: 524288, micro_batch_tokens: 524288}";
  words.insert(words.end(), {"--allow-change", "train.batch_tokens"});
  testing::Program program(tiny.train_arguments("run", words), tiny.path("."));
  program.wait_until(
      [&] { return contains(tiny.path("run/log.txt"), "going on with a changed configuration"); });
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  program.send(SIGINT);
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  program.send(SIGINT);
  const auto result = program.wait();
  INFO(result.err);
  CHECK(result.code == 130);
  CHECK(result.err.find("stopped by a signal") == std::string::npos);
  CHECK(tiny.train("run").code == 0);
  CHECK(tiny.run({"inspect", tiny.path("run").string(), "--verify"}).code == 0);
}

TEST_CASE("SIGUSR1 before the loop begins, or after it, ends nothing") {
  const TinyRun tiny;
  testing::Program program(tiny.train_arguments("run"), tiny.path("."));
  program.wait_until([&] { return contains(tiny.path("stderr.txt"), "info rank=0"); });
  CHECK_FALSE(std::filesystem::exists(tiny.path("run/metrics.jsonl")));
  while (!program.has_ended()) {
    program.send(SIGUSR1);
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  CHECK(program.wait().code == 0);
}

TEST_CASE("SIGUSR1 to a launcher whose ranks are still starting ends nothing") {
  const TinyRun tiny;
  testing::Program program(tiny.train_arguments("run", {"--processes", "2"}), tiny.path("."));
  program.wait_until([&] { return program.children().size() == 2; });
  while (!program.has_ended() && !std::filesystem::exists(tiny.path("run/metrics.jsonl"))) {
    program.send(SIGUSR1);
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  const auto result = program.wait();
  INFO(result.err);
  CHECK(result.code == 0);
}

TEST_CASE("a signal that the parent ignores stays ignored") {
  const TinyRun tiny;
  const auto before = std::signal(SIGHUP, SIG_IGN);
  testing::Program program(tiny.train_arguments("run"), tiny.path("."));
  std::signal(SIGHUP, before);
  program.wait_until([&] { return contains(tiny.path("run/metrics.jsonl"), "\"step\":2,"); });
  program.send(SIGHUP);
  CHECK(program.wait().code == 0);
}

TEST_CASE("a run that time alone limits logs no number of steps and the time that is left") {
  const TinyRun tiny;
  const auto result =
      tiny.train("run", {"--set", "train={max_seconds: 1, batch_tokens: 128}", "--set",
                         "schedule.period_steps=1000", "--set", "log.every_steps=50"});
  INFO(result.err);
  REQUIRE(result.code == 0);
  CHECK_THAT(result.err, ContainsSubstring("steps=\"no limit\""));
  CHECK_THAT(result.err, ContainsSubstring("| 0:00 left") || ContainsSubstring("| 0:01 left"));
}

}  // namespace
}  // namespace longspan
