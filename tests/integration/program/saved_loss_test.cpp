// Checkpoints whose weights are not those that were saved, although every checksum holds.

#include <cstdlib>

#include "longspan/checkpoint/checkpoint.h"
#include "support/tiny_run.h"
#include "support/torch_catch.h"

namespace longspan {
namespace {

using Catch::Matchers::ContainsSubstring;
using testing::TinyRun;
using Words = std::vector<std::string>;

const Words kMore{"--set", "train.max_steps=22", "--set", "schedule.period_steps=17"};

Words with(Words words) {
  words.insert(words.begin(), kMore.begin(), kMore.end());
  return words;
}

// Flips a bit of a weight in the checkpoint of step 20 and saves it again.
void flip_bit(const TinyRun& tiny) {
  const auto folder = tiny.path("run/checkpoints/step-000000020");
  auto contents = load_checkpoint(folder);
  contents.model.back().tensor.view(at::kInt).view(-1)[0].bitwise_xor_(1 << 20);
  std::filesystem::copy(folder / "tokenizer", tiny.path("tokenizer"));
  save_checkpoint(tiny.path("run"), contents, tiny.path("tokenizer"));
}

TEST_CASE("a run goes on from weights that give the saved loss to the bit, on any ranks") {
  const TinyRun tiny;
  REQUIRE(
      tiny.train("run", {"--set", "distributed.shard_optimizer=true", "--processes", "2"}).code ==
      0);
  std::filesystem::copy(tiny.path("run"), tiny.path("two"),
                        std::filesystem::copy_options::recursive);
  const auto one = tiny.train("run", kMore), two = tiny.train("two", with({"--processes", "2"}));
  for (const auto& result : {one, two}) {
    INFO(result.err);
    CHECK(result.code == 0);
    CHECK_THAT(result.err, ContainsSubstring("the checkpoint's loss is as it was saved") &&
                               ContainsSubstring("difference=0 within=0 environment=\"the same\""));
  }
}

TEST_CASE("a weight that is another ends with 4 and both losses, unless the check is off") {
  const TinyRun tiny;
  REQUIRE(tiny.train("run").code == 0);
  flip_bit(tiny);
  const auto refused = tiny.train("run", kMore);
  INFO(refused.err);
  CHECK(refused.code == 4);
  CHECK_THAT(refused.err,
             ContainsSubstring("longspan: error: " + tiny.path("run").string() +
                               ", checkpoint of step 20: its weights must give the loss") &&
                 ContainsSubstring("--resume PATH"));
  const auto ranks = tiny.train("run", with({"--processes", "2"}));
  INFO(ranks.err);
  CHECK(ranks.code == 4);
  const auto other =
      tiny.train("run", with({"--allow-change", "position", "--set", "position.kind=none"}));
  INFO(other.err);
  CHECK(other.code == 0);
  CHECK_THAT(other.err, ContainsSubstring("loss is not checked: the model is another"));
}

TEST_CASE("the check can be left out") {
  const TinyRun tiny;
  REQUIRE(tiny.train("run").code == 0);
  flip_bit(tiny);
  const auto result = tiny.train("run", with({"--set", "checkpoint.check_loss=false"}));
  INFO(result.err);
  CHECK(result.code == 0);
  CHECK(result.err.find("the checkpoint's loss") == std::string::npos);
}

TEST_CASE("on other instructions or in another precision the loss may differ by rounding") {
  const TinyRun tiny;
  REQUIRE(tiny.train("run").code == 0);
  std::filesystem::copy(tiny.path("run"), tiny.path("bf16"),
                        std::filesystem::copy_options::recursive);
  ::setenv("ATEN_CPU_CAPABILITY", "default", 1);
  const auto slower = tiny.train("run", kMore);
  ::unsetenv("ATEN_CPU_CAPABILITY");
  INFO(slower.err);
  CHECK(slower.code == 0);
  CHECK_THAT(slower.err, ContainsSubstring("-> DEFAULT"));
  const auto coarser = tiny.train("bf16", with({"--set", "train.precision=bf16"}));
  INFO(coarser.err);
  CHECK(coarser.code == 0);
  CHECK_THAT(coarser.err, ContainsSubstring("precision fp32 -> bf16"));
}

}  // namespace
}  // namespace longspan
