// How the processes of a run end when one of them fails, hangs or is told to stop.

#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <thread>

#include "integration/program/ranks_by_hand.h"
#include "longspan/core/error.h"
#include "support/tiny_run.h"
#include "support/torch_catch.h"

namespace longspan {
namespace {

using Catch::Matchers::ContainsSubstring;
using Clock = std::chrono::steady_clock;
using testing::TinyRun;

// Seconds beyond the timeout: a look of 3 s at who lives, an answer of the store waited for 5 s at
// most, and what a busy machine adds.
constexpr double kEnd = 7.0;

// A long run of two processes, under way.
class LongRun {
 public:
  explicit LongRun(double timeout_seconds)
      : program_(tiny_.train_arguments(
                     "run", {"--processes", "2", "--set", "train.max_steps=1000000", "--set",
                             concat("distributed.timeout_seconds=", timeout_seconds)}),
                 tiny_.path(".")) {
    program_.wait_until([&] {
      return std::filesystem::exists(tiny_.path("run/checkpoints/step-000000010/manifest.json"));
    });
    ranks_ = program_.children();
    REQUIRE(ranks_.size() == 2);
  }

  testing::Program& program() { return program_; }
  pid_t rank(std::size_t number) const { return ranks_[number]; }
  std::filesystem::path folder() const { return tiny_.path("run"); }
  // Returns how the program ended, once no process of it is left.
  testing::Finished end() {
    const auto start = Clock::now();
    auto result = program_.wait();
    seconds_ = std::chrono::duration<double>(Clock::now() - start).count();
    for (const pid_t id : ranks_) CHECK(::kill(id, 0) != 0);
    return result;
  }
  double seconds() const { return seconds_; }

 private:
  TinyRun tiny_;
  testing::Program program_;
  std::vector<pid_t> ranks_;
  double seconds_ = 0.0;
};

TEST_CASE("a rank that is killed ends all, by name, and the checkpoint stands") {
  for (const std::size_t victim : {0u, 1u}) {
    LongRun run(60.0);
    ::kill(run.rank(victim), SIGKILL);
    const auto result = run.end();
    INFO(result.err);
    CHECK(result.code == 6);
    CHECK_THAT(result.err, ContainsSubstring(concat("rank ", victim, " was ended by signal 9")));
    CHECK_THAT(result.err, ContainsSubstring("all ranks have ended; the checkpoint of step "));
    CHECK_THAT(result.err, ContainsSubstring(concat("rank ", 1 - victim, " lost its peers")));
    CHECK(run.seconds() < kEnd);
    WARN("SIGKILL of rank " << victim << ": all ranks ended after " << run.seconds() << " s");
    CHECK(std::filesystem::exists(run.folder() / "checkpoints/latest"));
  }
}

TEST_CASE("a rank that hangs ends all after the timeout, by name") {
  LongRun run(3.0);
  ::kill(run.rank(1), SIGSTOP);
  const auto result = run.end();
  INFO(result.err);
  CHECK(result.code == 6);
  CHECK_THAT(result.err, ContainsSubstring("rank 1 gave no sign of life"));
  CHECK(run.seconds() < 3.0 + kEnd);
  WARN("SIGSTOP of rank 1, timeout 3 s: all ranks ended after " << run.seconds() << " s");
}

// Two processes of a long run, rank 0 the keeper of the store, under way. Memory that a rank has it
// keeps; it needs more at the latest when it validates at a length that is new to it.
class LongRunByHand {
 public:
  static constexpr double kTimeoutSeconds = 5.0;

  LongRunByHand()
      : ranks_(tiny_,
               std::vector(
                   2, tiny_.train_arguments(
                          "run", {"--set", "train.max_steps=1000000", "--set",
                                  concat("distributed.timeout_seconds=", kTimeoutSeconds), "--set",
                                  "validate={every_steps: 300, lengths: [16], "
                                  "extrapolation_lengths: [4096]}",
                                  "--set", "checkpoint={every_steps: 10}"}))) {
    ranks_[1].wait_until([&] {
      return std::filesystem::exists(tiny_.path("run/checkpoints/step-000000010/manifest.json"));
    });
    REQUIRE_FALSE(ranks_[1].has_ended());
  }

  testing::Program& rank(std::size_t number) { return ranks_[number]; }
  bool checkpoint_stands() const {
    return tiny_.run({"inspect", tiny_.path("run").string(), "--verify"}).code == 0;
  }

 private:
  TinyRun tiny_;
  testing::RanksByHand ranks_;
};

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

TEST_CASE("a rank that keeps the store and hangs ends the others after the timeout") {
  LongRunByHand run;
  const auto start = Clock::now();
  run.rank(0).send(SIGSTOP);
  const auto result = run.rank(1).wait();
  INFO(result.err);
  CHECK(result.code == 6);
  CHECK_THAT(result.err, ContainsSubstring("rank 1 lost its peers") &&
                             ContainsSubstring("kept by rank 0, does not answer"));
  CHECK(seconds_since(start) < LongRunByHand::kTimeoutSeconds + kEnd);
  WARN("SIGSTOP of rank 0, which keeps the store, timeout 5 s: rank 1 ended after "
       << seconds_since(start) << " s");
}

void allow_no_more_memory(pid_t id) {
  std::ifstream status(concat("/proc/", id, "/statm"));
  std::uint64_t pages = 0;
  REQUIRE(status >> pages);
  const rlim_t limit = pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  const rlimit limits{limit, limit};
  REQUIRE(::prlimit(id, RLIMIT_AS, &limits, nullptr) == 0);
}

TEST_CASE("text that does not fit into memory is told of with keys of the data") {
#ifdef __SANITIZE_ADDRESS__
  SKIP("the sanitizer needs memory of its own and ends the process where it gets none");
#endif
  // SentencePiece takes all of the text at once: some 300 MB.
  const TinyRun tiny;
  for (const auto* verb : {"prepare", "train"}) {
    INFO(verb);
    testing::Program program(
        {verb, tiny.config().string(), "--set", "data.tokenizer={kind: sentencepiece}", "--set",
         "data.train={synthetic: {seed: 1, num_articles: 30000}}"},
        tiny.path("."));
    program.wait_until([&] { return std::filesystem::exists(tiny.path("shards.lock")); });
    REQUIRE_FALSE(program.has_ended());
    allow_no_more_memory(program.id());
    const auto result = program.wait();
    INFO(result.err);
    CHECK(result.code == 7);
    CHECK_THAT(result.err,
               ContainsSubstring("longspan: error: out of memory while data was prepared; "
                                 "name less text in data.train, or load a tokenizer"));
    std::filesystem::remove(tiny.path("shards.lock"));
  }
}

TEST_CASE("a rank that runs out of memory says so, and the others that it did") {
#ifdef __SANITIZE_ADDRESS__
  SKIP("the sanitizer needs memory of its own and ends the process where it gets none");
#endif
  LongRunByHand run;
  const auto start = Clock::now();
  allow_no_more_memory(run.rank(1).id());
  const auto first = run.rank(0).wait(), second = run.rank(1).wait();
  INFO(first.err << second.err);
  CHECK(first.code == 6);
  CHECK_THAT(first.err, ContainsSubstring("rank 0 lost its peers") &&
                            ContainsSubstring(": rank 1: out of memory"));
  CHECK(second.code == 7);
  CHECK_THAT(second.err, ContainsSubstring("longspan: error: out of memory") &&
                             ContainsSubstring("; lower train.micro_batch_tokens (64), set "
                                               "train.activation_checkpointing, "));
  CHECK(run.checkpoint_stands());
  CHECK(seconds_since(start) < LongRunByHand::kTimeoutSeconds + kEnd);
  WARN("rank 1 out of memory: both ranks ended " << seconds_since(start) << " s after the limit");
}

TEST_CASE("a launcher that is killed leaves no process behind") {
  LongRun run(60.0);
  run.program().send(SIGKILL);
  run.program().wait();
  for (int i = 0; i < 100 && ::kill(run.rank(1), 0) == 0; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  for (const std::size_t rank : {0u, 1u}) CHECK(::kill(run.rank(rank), 0) != 0);
}

TEST_CASE("SIGTERM to the launcher saves once and ends with 143") {
  LongRun run(60.0);
  run.program().send(SIGTERM);
  const auto result = run.end();
  INFO(result.err);
  CHECK(result.code == 143);
  CHECK_THAT(result.err, ContainsSubstring("stopped by a signal after a save"));
}

TEST_CASE("a rank that fails by itself is named by the others, with its reason") {
  LongRun run(60.0);
  // A file where the checkpoints were: rank 0 cannot save at the end.
  const auto place = run.folder() / "checkpoints";
  for (int i = 0; !std::filesystem::is_regular_file(place) && i < 1000; ++i) {
    std::error_code busy;
    std::filesystem::rename(place, concat(place.string(), i), busy);
    std::ofstream(place) << "in the way";
  }
  run.program().send(SIGTERM);
  const auto result = run.end();
  INFO(result.err);
  CHECK(result.code == 4);
  CHECK_THAT(result.err, ContainsSubstring("[rank 1] longspan: error: rank 1 lost its peers"));
  CHECK_THAT(result.err, ContainsSubstring(": rank 0: "));
}

}  // namespace
}  // namespace longspan
