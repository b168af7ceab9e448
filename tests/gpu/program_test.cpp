// The program on GPUs: the losses of the CPU, resumption to the bit, several processes.

#include <algorithm>
#include <chrono>
#include <csignal>
#include <fstream>

#include "gpu/gpus.h"
#include "support/tiny_run.h"

namespace longspan {
namespace {

using testing::need_gpus;
using testing::TinyRun;

const std::vector<std::string> kOnGpu{"--device", "cuda", "--processes", "1"};

std::vector<std::string> with(std::vector<std::string> words,
                              const std::vector<std::string>& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

// 20 steps of AdamW in float32: rounding of 1e-7 grows by less than a thousand.
void check_same_losses(const TinyRun& tiny, const std::string& a, const std::string& b) {
  const auto rows = testing::stable_rows(tiny.path(a)), others = testing::stable_rows(tiny.path(b));
  REQUIRE(rows.size() == others.size());
  for (std::size_t i = 0; i < rows.size(); ++i)
    for (const auto* key : {"train/loss", "valid/loss"})
      if (rows[i].contains(key))
        CHECK(std::abs(rows[i][key].get<double>() - others[i][key].get<double>()) < 1e-4);
}

void require_trained(const testing::Finished& result) {
  INFO(result.err);
  REQUIRE(result.code == 0);
}

TEST_CASE("a run on a GPU has the losses of the CPU") {
  need_gpus(1);
  const TinyRun tiny;
  require_trained(tiny.train("cpu", {"--device", "cpu"}));
  require_trained(tiny.train("gpu", kOnGpu));
  check_same_losses(tiny, "cpu", "gpu");
}

TEST_CASE("a run on a GPU that stops and goes on has the bits of one that did not") {
  need_gpus(1);
  const TinyRun tiny;
  require_trained(tiny.train("whole", kOnGpu));
  require_trained(tiny.train(
      "parts", with(kOnGpu, {"--set", "train.max_steps=10", "--set", "schedule.period_steps=17"})));
  require_trained(tiny.train("parts", kOnGpu));
  for (const auto* file : {"model.safetensors", "optimizer.safetensors"})
    CHECK(testing::checkpoint_file(tiny.path("whole"), 20, file) ==
          testing::checkpoint_file(tiny.path("parts"), 20, file));
}

TEST_CASE("two processes that share a GPU through Gloo have the losses of one") {
  need_gpus(1);
  const TinyRun tiny;
  require_trained(tiny.train("one", kOnGpu));
  require_trained(tiny.train(
      "two", {"--device", "cuda:0", "--processes", "2", "--set", "distributed.backend=gloo"}));
  check_same_losses(tiny, "one", "two");
}

TEST_CASE("processes on GPUs of their own have the losses of one, and the same bits each time") {
  need_gpus(2);
  const TinyRun tiny;
  const std::vector<std::string> all{"--device", "cuda", "--processes",
                                     std::to_string(std::min(num_gpus(), 4))};
  require_trained(tiny.train("one", kOnGpu));
  require_trained(tiny.train("all", all));
  require_trained(tiny.train("again", all));
  const auto sharded = with(all, {"--set", "distributed.shard_optimizer=true"});
  require_trained(tiny.train("sharded", sharded));
  require_trained(tiny.train("sharded again", sharded));
  check_same_losses(tiny, "one", "all");
  check_same_losses(tiny, "one", "sharded");
  for (const std::string name : {"all", "sharded"})
    CHECK(testing::checkpoint_file(tiny.path(name), 20, "model.safetensors") ==
          testing::checkpoint_file(tiny.path(name == "all" ? "again" : "sharded again"), 20,
                                   "model.safetensors"));
}

TEST_CASE("when a rank on a GPU stops answering, all end within the timeout") {
  need_gpus(2);
  const TinyRun tiny;
  testing::Program program(tiny.train_arguments("run", {"--device", "cuda", "--processes", "2",
                                                        "--set", "train.max_steps=1000000", "--set",
                                                        "distributed.timeout_seconds=10"}),
                           tiny.path("."));
  program.wait_until([&] { return std::filesystem::exists(tiny.path("run") / "metrics.jsonl"); });
  const auto ranks = program.children();
  REQUIRE(ranks.size() == 2);
  ::kill(ranks[1], SIGSTOP);
  const auto begin = std::chrono::steady_clock::now();
  const auto result = program.wait();
  CHECK(result.code == 6);
  CHECK(result.err.find("rank 1") != std::string::npos);
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(40));
}

}  // namespace
}  // namespace longspan
