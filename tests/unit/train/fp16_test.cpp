// Training in float16: overflows are skipped and recovered from, and a run in parts is one run; and
// the same decisions where the numbers are a GPU's.

#include "emulator/launches.h"
#include "longspan/checkpoint/checkpoint.h"
#include "longspan/core/error.h"
#include "longspan/core/files.h"
#include "longspan/train/trainer.h"
#include "support/paths.h"
#include "support/temporary_folder.h"
#include "support/torch_catch.h"

namespace longspan {
namespace {

using Catch::Matchers::ContainsSubstring;

// 2^24. A target's logit has a gradient of nearly -1 times the scale while the model knows nothing,
// and float16 ends at 65504.
const std::string kHugeScale = "train.loss_scale={init: 16777216, window: 4}";

class Fp16Runs {
 public:
  RunConfig config(std::vector<std::string> overrides) const {
    for (const char* key :
         {"train.precision=fp16", "schedule.period_steps=21", "train.max_steps=24",
          "log.every_steps=1", "validate.every_steps=12", "log.tensorboard=false"})
      overrides.insert(overrides.begin(), key);
    overrides.push_back("data.shards=" + (folder_.path() / "shards").string());
    return read_run_config(config::Document::from_file(
        testing::source_folder() / "configs/tests/tiny.yaml", overrides));
  }
  void train(const std::string& run, const std::vector<std::string>& overrides) const {
    const auto communicator = make_lone_communicator();
    longspan::train(config(overrides), {path(run), "auto", {}}, *communicator);
  }
  std::filesystem::path path(const std::string& run) const { return folder_.path() / run; }
  CheckpointContents newest(const std::string& run) const {
    return load_checkpoint(find_checkpoint(path(run), "latest"));
  }
  std::vector<Json> rows(const std::string& run) const {
    std::vector<Json> rows;
    const std::string content = read_file(path(run) / "metrics.jsonl");
    for (std::size_t begin = 0, end = 0; begin < content.size(); begin = end + 1) {
      end = content.find('\n', begin);
      rows.push_back(Json::parse(content.substr(begin, end - begin)));
    }
    return rows;
  }

 private:
  testing::TemporaryFolder folder_;
};

TEST_CASE("fp16 recovers from a loss scale that overflows, and its schedule counts updates",
          "[fp16]") {
  const Fp16Runs runs;
  runs.train("run", {kHugeScale});
  const auto config = runs.config({kHugeScale});
  const auto rows = runs.rows("run");
  REQUIRE(rows.size() == 24);
  double scale = 16777216.0;
  std::int64_t skipped = 0, clean = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    INFO("step " << i + 1);
    const Json& row = rows[i];
    CHECK(row["train/lr"] == learning_rate(config.schedule, std::int64_t(i) - skipped));
    const bool overflowed = row["train/grad_norm"].is_null();
    CHECK(row["train/loss"].is_null() == overflowed);
    clean = overflowed ? 0 : clean + 1;
    if (overflowed) ++skipped, scale /= 2;
    if (clean == 4) clean = 0, scale *= 2;
    CHECK(row["train/loss_scale"] == scale);
    if (i < 8) CHECK(overflowed);  // scales of 2^24 to 2^17
  }
  const auto trainer = runs.newest("run").trainer;
  CHECK(trainer["skipped"] == skipped);
  CHECK(skipped < 20);
  CHECK(trainer["loss_scale"]["scale"] == scale);
  CHECK(rows.back()["valid/loss"].get<double>() < rows[11]["valid/loss"].get<double>());
}

TEST_CASE("fp16: a run in two parts has the bits of one, the loss scale included", "[fp16]") {
  const Fp16Runs runs;
  runs.train("whole", {kHugeScale});
  for (const char* steps : {"train.max_steps=5", "train.max_steps=18", "train.max_steps=24"})
    runs.train("parts", {steps, kHugeScale});
  const auto whole = runs.newest("whole"), parts = runs.newest("parts");
  REQUIRE(parts.step == 24);
  for (std::size_t i = 0; i < whole.model.size(); ++i)
    CHECK(parts.model[i].tensor.equal(whole.model[i].tensor));
  for (std::size_t i = 0; i < whole.optimizer.size(); ++i)
    CHECK(parts.optimizer[i].tensor.equal(whole.optimizer[i].tensor));
  for (const char* key : {"skipped", "loss_scale", "tokens"})
    CHECK(parts.trainer[key] == whole.trainer[key]);
  const auto rows = runs.rows("whole"), others = runs.rows("parts");
  REQUIRE(rows.size() == others.size());
  for (std::size_t i = 0; i < rows.size(); ++i)
    for (const char* key : {"train/loss", "train/lr", "train/grad_norm", "train/loss_scale"})
      CHECK(rows[i][key] == others[i][key]);
}

TEST_CASE("fp16 trains as float32 does, but for rounding", "[fp16]") {
  const Fp16Runs runs;
  runs.train("half", {"train.max_steps=6"});
  runs.train("single", {"train.max_steps=6", "train.precision=fp32"});
  const auto half = runs.rows("half"), single = runs.rows("single");
  CHECK(half[0]["train/loss_scale"] == 128.0);
  CHECK_FALSE(single[0].contains("train/loss_scale"));
  // Inputs of products are rounded to 2^-11 at most, some ten products in sequence; another dropout
  // mask or a gradient not divided by the scale would move the loss by 1e-2 and more.
  for (std::size_t i = 0; i < half.size(); ++i)
    CHECK(std::abs(half[i]["train/loss"].get<double>() / single[i]["train/loss"].get<double>() -
                   1) < 10 * std::exp2(-11));
}

TEST_CASE("fp16 ends where the loss scale would fall to its minimum", "[fp16]") {
  const Fp16Runs runs;
  try {
    runs.train("run", {"train.loss_scale={init: 16777216, min: 5.0e+6}"});
    FAIL("must throw");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::Numeric);
    CHECK_THAT(error.what(), ContainsSubstring("training diverged at step 2"));
    CHECK_THAT(error.what(), ContainsSubstring("must stay above 5e+06"));
  }
}

TEST_CASE("an emulated GPU skips the updates that the CPU skips") {
  const Fp16Runs runs;
  const std::vector<std::string> overrides{kHugeScale, "train.max_steps=14"};
  runs.train("cpu", overrides);
  {
    const emulator::EmulatedGpu gpu;
    runs.train("gpu", overrides);
    CHECK(gpu.emulation().counts.contains("AdamW update"));
  }
  const auto cpu = runs.rows("cpu"), gpu = runs.rows("gpu");
  REQUIRE(gpu.size() == cpu.size());
  for (std::size_t i = 0; i < gpu.size(); ++i)
    for (const char* key : {"train/lr", "train/loss_scale"}) CHECK(gpu[i][key] == cpu[i][key]);
  const auto skipped = runs.newest("gpu").trainer["skipped"];
  CHECK(skipped == runs.newest("cpu").trainer["skipped"]);
  CHECK((skipped > 0 && skipped < 14));
}

TEST_CASE("steps on an emulated GPU have the CPU's losses and norms, and end where those end") {
  const Fp16Runs runs;
  const auto kind = GENERATE("adamw", "nag", "sgd");
  std::vector<std::string> overrides{"train.precision=fp32", "train.max_steps=4",
                                     std::string("optimizer.kind=") + kind};
  const auto train = [&](const std::string& run) -> std::string {
    try {
      runs.train(run, overrides);
      return "";
    } catch (const Error& error) {
      CHECK(error.kind() == ErrorKind::Numeric);
      return error.what();
    }
  };
  const bool diverges = GENERATE(false, true);
  if (diverges)
    overrides.insert(overrides.end(), {"schedule.peak_lr=1e30", "optimizer.clip_norm=0"});
  const std::string on_cpu = train("cpu");
  const emulator::EmulatedGpu emulated;
  const std::string on_gpu = train("gpu");
  CHECK(on_gpu.substr(0, on_gpu.find(':')) == on_cpu.substr(0, on_cpu.find(':')));
  CHECK((on_cpu.find("training diverged at step") != std::string::npos) == diverges);
  if (diverges) return;
  const auto cpu = runs.rows("cpu"), gpu = runs.rows("gpu");
  REQUIRE(gpu.size() == cpu.size());
  for (std::size_t i = 0; i < gpu.size(); ++i)
    for (const char* key : {"train/loss", "train/grad_norm"})
      CHECK(std::abs(gpu[i][key].get<double>() / cpu[i][key].get<double>() - 1) < 1e-4);
}

}  // namespace
}  // namespace longspan
