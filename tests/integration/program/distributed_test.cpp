// Several processes of the program: the numbers of one. How they end when one fails is in
// faults_test.cpp.

#include <algorithm>
#include <fstream>

#include "integration/program/ranks_by_hand.h"
#include "longspan/checkpoint/safetensors.h"
#include "longspan/core/error.h"
#include "support/tiny_run.h"
#include "support/torch_catch.h"

namespace longspan {
namespace {

using Catch::Matchers::ContainsSubstring;
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

NamedTensors weights_of(const std::filesystem::path& run, const std::string& step = "050") {
  return read_safetensors(run / ("checkpoints/step-000000" + step) / "model.safetensors");
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

// What a process gets from its parent is there before its first thread, unlike what it sets later.
TEST_CASE("ranks are started with the environment that a GPU's libraries read") {
  const TinyRun tiny;
  testing::Program program(tiny.train_arguments("run", {"--processes", "2"}), tiny.path("."));
  const auto rank_is_told = [&](const std::string& variable) {
    return std::ranges::any_of(program.children(), [&](pid_t rank) {
      std::ifstream file(concat("/proc/", rank, "/environ"));
      const std::string text{std::istreambuf_iterator<char>(file), {}};
      return text.find(variable) != std::string::npos;
    });
  };
  for (const auto* variable :
       {"CUBLAS_WORKSPACE_CONFIG=:4096:8", "TORCH_NCCL_ASYNC_ERROR_HANDLING=0"}) {
    bool told = false;
    program.wait_until([&] { return told = rank_is_told(variable); });
    INFO(variable);
    CHECK(told);
  }
  CHECK(program.wait().code == 0);
}

// What the order of sums alone does: one process with other passes, each way to cut the batch a
// draw of what rounding may do. Ranks add two more sums, the one over ranks and the one over passes
// of another size, each in float32 like the passes' own.
TEST_CASE("any number of processes trains to the weights of one") {
  const TinyRun tiny;
  REQUIRE(tiny.train("one", kUneven).code == 0);
  const auto one = weights_of(tiny.path("one"));
  double by_order = 0.0, loss_by_order = 0.0;
  for (const int tokens : {16, 32, 48}) {
    const std::string name = concat("passes", tokens);
    const auto passes = concat("train.micro_batch_tokens=", tokens);
    REQUIRE(tiny.train(name, with(kUneven, {"--set", passes})).code == 0);
    by_order = std::max(by_order, largest_difference(one, weights_of(tiny.path(name))));
    loss_by_order =
        std::max(loss_by_order, largest_difference_of_loss(tiny.path("one"), tiny.path(name)));
  }
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

// Each sequence is a pass, so that all have the same products, and what differs is the order in
// which seven gradients are added up. Their sum's norm is clipped to 0.5; the one rate that is not
// 0 is 0.5, and the rule adds a gradient 1.9 times.
TEST_CASE("in bfloat16 any number of processes adds up the gradients of one") {
  const TinyRun tiny;
  const std::string tied = GENERATE("true", "false");
  const auto narrow =
      with(kUneven, {"--set", "train.precision=bf16", "--set", "train.micro_batch_tokens=16",
                     "--set", "train.max_steps=2", "--set", "schedule.warmup_steps=1", "--set",
                     "schedule.period_steps=50", "--set", "model.embedding.tie=" + tied});
  REQUIRE(tiny.train("one", narrow).code == 0);
  const auto one = weights_of(tiny.path("one"), "002");
  for (const int processes : {2, 3, 4}) {
    const std::string name = concat("ranks", processes);
    const auto result = tiny.train(name, with(narrow, {"--processes", std::to_string(processes)}));
    INFO(result.err);
    REQUIRE(result.code == 0);
    CHECK(largest_difference(one, weights_of(tiny.path(name), "002")) <= 7 * 0x1p-25);
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

std::vector<testing::Finished> train_two(const TinyRun& tiny,
                                         const std::vector<std::string>& second) {
  const auto first = tiny.train_arguments("run", {"--set", "distributed.timeout_seconds=20"});
  return testing::RanksByHand(tiny, {first, with(first, second)}).wait();
}

TEST_CASE("processes that a launcher started join by its variables") {
  const TinyRun tiny;
  const auto results = train_two(tiny, {});
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
  for (const auto& result : train_two(tiny, {"--set", "optimizer.clip_norm=0.5"})) {
    CHECK(result.code == 6);
    CHECK_THAT(result.err, ContainsSubstring("rank 1 must have the same config as rank 0: it has "
                                             "clip_norm: 0.5 where rank 0 has clip_norm: 1"));
  }
  CHECK_FALSE(std::filesystem::exists(tiny.path("run/metrics.jsonl")));
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
