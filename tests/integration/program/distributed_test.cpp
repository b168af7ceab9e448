// Several processes of the program: the numbers of one, and an end for all when one fails.

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <thread>

#include "integration/program/tiny_run.h"
#include "longspan/checkpoint/safetensors.h"
#include "longspan/core/error.h"
#include "support/ranks.h"
#include "support/torch_catch.h"

namespace longspan {
namespace {

using Catch::Matchers::ContainsSubstring;
using Clock = std::chrono::steady_clock;
using testing::TinyRun;

// Dropout everywhere, an adaptive softmax with tails that some ranks do not reach, seven sequences
// a step, which no number of ranks from 2 to 4 divides, and passes of two of them.
const std::vector<std::string> kUneven{
    "--set",
    "model.embedding={kind: adaptive, cutoffs: [40, 200], factor: 2, tie: true}",
    "--set",
    "model.dropout={embedding: 0.1, residual: 0.1, attention: 0.1, activation: 0.1, head: "
    "0.1, tail: 0.1}",
    "--set",
    "optimizer={kind: nag, momentum: 0.9, clip_norm: 0.5}",
    "--set",
    "schedule={kind: cosine, peak_lr: 0.5, warmup_steps: 5}",
    "--set",
    "train={max_steps: 50, batch_tokens: 112, micro_batch_tokens: 32}",
    "--set",
    "distributed.bucket_mib=0.01",
    "--set",
    "distributed.check_every_steps=10",
    "--set",
    "checkpoint={every_steps: 25, keep_last: 9}"};

std::vector<std::string> with(std::vector<std::string> words,
                              const std::vector<std::string>& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

NamedTensors weights_of(const std::filesystem::path& run) {
  return read_safetensors(run / "checkpoints/step-000000050/model.safetensors");
}

double largest_difference(const NamedTensors& a, const NamedTensors& b) {
  REQUIRE(a.size() == b.size());
  double largest = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i)
    largest = std::max(largest, (a[i].tensor - b[i].tensor).abs().max().item<double>());
  return largest;
}

double largest_difference_of_loss(const std::filesystem::path& a, const std::filesystem::path& b) {
  const auto rows = testing::stable_rows(a), others = testing::stable_rows(b);
  REQUIRE(rows.size() == others.size());
  double largest = 0.0;
  for (std::size_t i = 0; i < rows.size(); ++i)
    for (const auto* key : {"train/loss", "valid/loss"})
      if (rows[i].contains(key))
        largest =
            std::max(largest, std::abs(rows[i][key].get<double>() - others[i][key].get<double>()));
  return largest;
}

// What the order of sums alone does: one process with other passes. Ranks add two more sums, the
// one over ranks and the one over passes of another size, each in float32 like the passes' own.
TEST_CASE("any number of processes trains to the weights of one") {
  const TinyRun tiny;
  REQUIRE(tiny.train("one", kUneven).code == 0);
  REQUIRE(tiny.train("passes", with(kUneven, {"--set", "train.micro_batch_tokens=16"})).code == 0);
  const auto one = weights_of(tiny.path("one"));
  const double by_order = largest_difference(one, weights_of(tiny.path("passes"))),
               loss_by_order = largest_difference_of_loss(tiny.path("one"), tiny.path("passes"));
  REQUIRE(by_order > 0.0);
  CHECK(by_order < 1e-4);
  for (const int processes : {2, 3, 4}) {
    const std::string name = concat("ranks", processes);
    const auto result = tiny.train(name, with(kUneven, {"--processes", std::to_string(processes)}));
    INFO(result.err);
    REQUIRE(result.code == 0);
    CHECK(result.out == tiny.path(name).string() + "\n");
    INFO(processes << " processes; other passes differ by " << by_order << ", " << loss_by_order);
    CHECK(largest_difference(one, weights_of(tiny.path(name))) <= 4 * by_order);
    CHECK(largest_difference_of_loss(tiny.path("one"), tiny.path(name)) <= 4 * loss_by_order);
  }
}

TEST_CASE(
    "at the same number of processes the bits are the same, whatever the optimizer's shards") {
  const TinyRun tiny;
  const auto two = with(kUneven, {"--processes", "2"});
  for (const auto* name : {"first", "again"}) REQUIRE(tiny.train(name, two).code == 0);
  const auto sharded =
      tiny.train("sharded", with(two, {"--set", "distributed.shard_optimizer=true"}));
  INFO(sharded.err);
  REQUIRE(sharded.code == 0);
  for (const auto* other : {"again", "sharded"})
    for (const auto* file : {"model.safetensors", "optimizer.safetensors"})
      CHECK(testing::checkpoint_file(tiny.path("first"), 50, file) ==
            testing::checkpoint_file(tiny.path(other), 50, file));
  CHECK(testing::stable_rows(tiny.path("first")) == testing::stable_rows(tiny.path("again")));
}

TEST_CASE("a run goes on with another number of processes") {
  const TinyRun tiny;
  REQUIRE(tiny.train("whole", kUneven).code == 0);
  const std::vector<std::string> half{"--set", "train.max_steps=25", "--set",
                                      "schedule.period_steps=45"};
  REQUIRE(tiny.train("parts", with(with(kUneven, half), {"--processes", "3", "--set",
                                                         "distributed.shard_optimizer=true"}))
              .code == 0);
  const auto rest = tiny.train("parts", with(kUneven, {"--processes", "2"}));
  INFO(rest.err);
  REQUIRE(rest.code == 0);
  const auto rows = testing::stable_rows(tiny.path("whole")),
             others = testing::stable_rows(tiny.path("parts"));
  REQUIRE(rows.size() == others.size());
  CHECK(rows.back()["tokens"] == others.back()["tokens"]);
  CHECK(largest_difference(weights_of(tiny.path("whole")), weights_of(tiny.path("parts"))) < 1e-4);
}

// A long run of two processes, under way.
class LongRun {
 public:
  explicit LongRun(double timeout_seconds)
      : program_(tiny_.train_arguments(
                     "run", {"--processes", "2", "--set", "train.max_steps=1000000", "--set",
                             concat("distributed.timeout_seconds=", timeout_seconds)}),
                 tiny_.path(".")) {
    while (!program_.has_ended() &&
           !std::filesystem::exists(tiny_.path("run/checkpoints/step-000000010/manifest.json")))
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    std::istringstream children(
        read_file(concat("/proc/", program_.id(), "/task/", program_.id(), "/children")));
    for (pid_t id = 0; children >> id;) ranks_.push_back(id);
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
    CHECK_THAT(result.err, ContainsSubstring(concat("rank ", 1 - victim, " lost its peers")));
    CHECK(run.seconds() < 20.0);
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
  CHECK(run.seconds() < 3.0 + 20.0);
  WARN("SIGSTOP of rank 1, timeout 3 s: all ranks ended after " << run.seconds() << " s");
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

// Two processes that another launcher started.
std::vector<testing::Finished> run_ranks_by_hand(const TinyRun& tiny,
                                                 const std::vector<std::string>& second) {
  const int port = testing::free_port();
  std::vector<std::unique_ptr<testing::Program>> programs;
  for (int rank = 0; rank < 2; ++rank) {
    ::setenv("RANK", std::to_string(rank).c_str(), 1);
    ::setenv("WORLD_SIZE", "2", 1);
    ::setenv("MASTER_ADDR", "127.0.0.1", 1);
    ::setenv("MASTER_PORT", std::to_string(port).c_str(), 1);
    std::filesystem::create_directories(tiny.path(concat("rank", rank)));
    programs.push_back(std::make_unique<testing::Program>(
        tiny.train_arguments("run", with({"--set", "distributed.timeout_seconds=20"},
                                         rank == 0 ? std::vector<std::string>{} : second)),
        tiny.path(concat("rank", rank))));
  }
  for (const auto* name : {"RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"}) ::unsetenv(name);
  std::vector<testing::Finished> results;
  for (auto& program : programs) results.push_back(program->wait());
  return results;
}

TEST_CASE("processes that a launcher started join by its variables") {
  const TinyRun tiny;
  const auto results = run_ranks_by_hand(tiny, {});
  for (const auto& result : results) {
    INFO(result.err);
    CHECK(result.code == 0);
  }
  CHECK_THAT(results[0].err, ContainsSubstring("told_by="));
  CHECK(results[0].out == tiny.path("run").string() + "\n");
  CHECK(results[1].out.empty());
  REQUIRE(
      tiny.train("spawned", {"--processes", "2", "--set", "distributed.timeout_seconds=20"}).code ==
      0);
  CHECK(testing::checkpoint_file(tiny.path("run"), 20, "model.safetensors") ==
        testing::checkpoint_file(tiny.path("spawned"), 20, "model.safetensors"));
}

TEST_CASE("ranks with another config are refused by name before anything is written") {
  const TinyRun tiny;
  for (const auto& result : run_ranks_by_hand(tiny, {"--set", "optimizer.clip_norm=0.5"})) {
    CHECK(result.code == 6);
    CHECK_THAT(result.err, ContainsSubstring("rank 1 must have the same config as rank 0: it has "
                                             "clip_norm: 0.5 where rank 0 has clip_norm: 1"));
  }
  CHECK_FALSE(std::filesystem::exists(tiny.path("run/metrics.jsonl")));
}

TEST_CASE("a rank that fails by itself is named by the others, with its reason") {
  LongRun run(60.0);
  // A file where the checkpoints were: rank 0 cannot save any more.
  const auto place = run.folder() / "checkpoints";
  for (int i = 0; !std::filesystem::is_regular_file(place) && i < 1000; ++i) {
    std::error_code busy;
    std::filesystem::rename(place, concat(place.string(), i), busy);
    std::ofstream(place) << "in the way";
  }
  const auto result = run.end();
  INFO(result.err);
  CHECK(result.code == 4);
  CHECK_THAT(result.err, ContainsSubstring("[rank 1] longspan: error: rank 1 lost its peers"));
  CHECK_THAT(result.err, ContainsSubstring(": rank 0: "));
}

TEST_CASE("a sweep gives each of its runs the processes of its config") {
  const TinyRun tiny;
  std::ofstream(tiny.path("sweep.yaml")) << "name: seeds\nbase: tiny.yaml\ngrid: {seed: [1, 2]}\n"
                                            "evaluate: {lengths: \"16\"}\n";
  const auto result =
      tiny.run({"sweep", tiny.path("sweep.yaml").string(), "--output", tiny.path("seeds").string(),
                "--set", "distributed.processes=2", "--set", "train.max_steps=4"});
  INFO(result.err);
  REQUIRE(result.code == 0);
  CHECK(result.out == tiny.path("seeds/report.html").string() + "\n");
  for (const auto* seed : {"1", "2"})
    CHECK(Json::parse(read_file(tiny.path("seeds") / seed / "environment.json")).at("processes") ==
          2);
}

TEST_CASE("ranks settle on one micro-batch, and a timeline longer than the run is written") {
  const TinyRun tiny;
  const auto result =
      tiny.train("run", {"--processes", "2", "--set", "train.micro_batch_tokens=auto", "--set",
                         "train.max_steps=4", "--set", "log.timeline_steps=9", "--set",
                         "distributed.timeout_seconds=20"});
  INFO(result.err);
  REQUIRE(result.code == 0);
  const Json events = Json::parse(read_file(tiny.path("run/timeline.json"))).at("traceEvents");
  CHECK(std::ranges::count(events, "backward", [](const Json& event) {
          return event.at("name").get<std::string>();
        }) >= 4);
  CHECK(std::ranges::count(events, "bucket 0", [](const Json& event) {
          return event.at("name").get<std::string>();
        }) == 4);
}

TEST_CASE("a wrong number of processes is refused") {
  const TinyRun tiny;
  for (const auto* number : {"0", "many", "-1", "5000"}) {
    const auto result = tiny.train("run", {"--processes", number});
    CHECK(result.code == 2);
    CHECK_THAT(result.err, ContainsSubstring("--processes"));
  }
}

}  // namespace
}  // namespace longspan
