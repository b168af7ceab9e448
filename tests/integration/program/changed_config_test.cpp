// A run that is given another configuration when it goes on.

#include "longspan/checkpoint/checkpoint.h"
#include "longspan/core/error.h"
#include "support/tiny_run.h"
#include "support/torch_catch.h"

namespace longspan {
namespace {

using Catch::Matchers::ContainsSubstring;
using testing::TinyRun;
using Words = std::vector<std::string>;

constexpr const char* kChanged = "going on with a changed configuration: ";

Words longer(Words words) {
  words.insert(words.end(), {"--set", "train.max_steps=25", "--set", "schedule.period_steps=17"});
  return words;
}

TEST_CASE("what decides the meaning of a run's steps is refused, by key, with what it was") {
  const TinyRun tiny;
  REQUIRE(tiny.train("run").code == 0);
  const std::string config = read_file(tiny.path("run/config.yaml"));
  struct Case {
    std::string setting, named;
  };
  for (const auto& [setting, named] :
       {Case{"position.kind=none", "position.kind was alibi, got none"},
        Case{"data.seq_len=32", "data.seq_len was 16, got 32"},
        Case{"data.order=sequential", "data.order was shuffled, got sequential"},
        Case{"seed=8", "seed was 7, got 8"},
        Case{"train.batch_tokens=256", "train.batch_tokens was 128, got 256"},
        Case{"optimizer={kind: sgd, clip_norm: 1.0}", "optimizer.kind was adamw, got sgd"},
        Case{"model.dropout.head=0.2", "model.dropout.head was 0.1, got 0.2"},
        Case{"model.init={from: run}", "model.init was gpt2, got absent"}}) {
    const auto result = tiny.train("run", longer({"--set", setting}));
    INFO(setting << "\n" << result.err);
    CHECK(result.code == 2);
    CHECK_THAT(result.err, ContainsSubstring("longspan: error: " + tiny.path("run").string() +
                                             ": a run that goes on must keep"));
    CHECK_THAT(result.err, ContainsSubstring(named));
    CHECK_THAT(result.err, ContainsSubstring("--allow-change KEY"));
  }
  CHECK(read_file(tiny.path("run/config.yaml")) == config);
  const auto ranks = tiny.train("run", longer({"--set", "seed=8", "--processes", "2"}));
  INFO(ranks.err);
  CHECK(ranks.code == 2);
  CHECK_THAT(ranks.err, ContainsSubstring("seed was 7, got 8"));
}

TEST_CASE("what a user adjusts on the way is accepted and named once") {
  const TinyRun tiny;
  REQUIRE(tiny.train("run").code == 0);
  const Words words{"--set", "train.max_steps=25", "--set", "schedule.peak_lr=5.0e-3"};
  const auto result = tiny.train("run", words);
  INFO(result.err);
  CHECK(result.code == 0);
  CHECK_THAT(result.err, ContainsSubstring(concat(kChanged, "schedule.peak_lr 0.01 -> 0.005, ",
                                                  "train.max_steps 20 -> 25, ",
                                                  "schedule.period_steps 17 -> 22")) ||
                             ContainsSubstring(concat(kChanged, "train.max_steps 20 -> 25, ",
                                                      "schedule.peak_lr 0.01 -> 0.005, ",
                                                      "schedule.period_steps 17 -> 22")));
  CHECK(tiny.train("run", words).err.find(kChanged) == std::string::npos);
}

TEST_CASE("a change that is permitted by its key or section goes through, others do not") {
  const TinyRun tiny;
  REQUIRE(tiny.train("run").code == 0);
  const Words both = longer({"--set", "seed=8", "--set", "position.kind=none"});
  Words words = both;
  words.insert(words.end(), {"--allow-change", "seed"});
  const auto refused = tiny.train("run", words);
  CHECK(refused.code == 2);
  CHECK_THAT(refused.err, ContainsSubstring("position.kind was alibi, got none"));
  CHECK(refused.err.find("seed was") == std::string::npos);
  words.insert(words.end(), {"--allow-change", "position"});
  const auto accepted = tiny.train("run", words);
  INFO(accepted.err);
  CHECK(accepted.code == 0);
  CHECK_THAT(accepted.err, ContainsSubstring("seed 7 -> 8"));
  CHECK(tiny.train("run", words).code == 0);  // as after a kill: nothing differs any more
  CHECK(tiny.train("run", both).code == 0);

  words.insert(words.end(), {"--allow-change", "position.knid"});
  const auto unknown = tiny.train("run", words);
  CHECK(unknown.code == 2);
  CHECK_THAT(unknown.err, ContainsSubstring("--allow-change must name a key or a section of the "
                                            "configuration, got position.knid"));
}

TEST_CASE("the best validation is looked for anew when another measure is asked for") {
  const TinyRun tiny;
  const Words loss = {"--set", "train.max_steps=10", "--set", "schedule.period_steps=17"};
  REQUIRE(tiny.train("run", loss).code == 0);
  const auto result = tiny.train(
      "run", {"--set", "schedule.period_steps=17", "--set", "checkpoint.keep_best=valid/ppl"});
  INFO(result.err);
  REQUIRE(result.code == 0);
  CHECK_THAT(result.err, ContainsSubstring("the best validation is looked for anew"));
  CHECK(read_file(tiny.path("run/checkpoints/best")) > "step-000000010\n");
}

// Makes the newest checkpoint one of a time when the order had no version.
void forget_version_of_order(const TinyRun& tiny) {
  const auto folder = tiny.path("run/checkpoints/step-000000020");
  auto contents = load_checkpoint(folder);
  REQUIRE(contents.trainer.erase("data_order_version") == 1);
  std::filesystem::remove_all(tiny.path("tokenizer"));
  std::filesystem::copy(folder / "tokenizer", tiny.path("tokenizer"));
  save_checkpoint(tiny.path("run"), contents, tiny.path("tokenizer"));
}

TEST_CASE(
    "a run that began with an earlier version of its order is told so and goes on if permitted") {
  const TinyRun tiny;
  REQUIRE(tiny.train("run").code == 0);
  forget_version_of_order(tiny);
  const auto refused = tiny.train("run", longer({}));
  INFO(refused.err);
  CHECK(refused.code == 2);
  CHECK_THAT(refused.err,
             ContainsSubstring(": a run that goes on must keep what its steps mean: data.order was "
                               "shuffled of version 1, got shuffled of version 2; "));
  const auto permitted = tiny.train("run", longer({"--allow-change", "data.order"}));
  INFO(permitted.err);
  CHECK(permitted.code == 0);
  CHECK_THAT(permitted.err, ContainsSubstring("data.order shuffled of version 1 -> shuffled of"));
  const auto after =
      tiny.train("run", {"--set", "train.max_steps=26", "--set", "schedule.period_steps=17"});
  INFO(after.err);
  CHECK(after.code == 0);
  CHECK(after.err.find("data.order") == std::string::npos);
}

TEST_CASE("a run of an order that never changed goes on from a checkpoint without its version") {
  const TinyRun tiny;
  const Words sequential{"--set", "data.order=sequential"};
  REQUIRE(tiny.train("run", sequential).code == 0);
  forget_version_of_order(tiny);
  const auto result = tiny.train("run", longer(sequential));
  INFO(result.err);
  CHECK(result.code == 0);
  CHECK(result.err.find("data.order") == std::string::npos);
}

}  // namespace
}  // namespace longspan
