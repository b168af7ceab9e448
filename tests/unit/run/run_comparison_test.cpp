// Two runs that were told apart, or not.

#include "longspan/run/run_comparison.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/zeros.h>

#include <cmath>
#include <functional>
#include <limits>

#include "longspan/checkpoint/checkpoint.h"
#include "longspan/core/files.h"
#include "support/temporary_folder.h"
#include "support/torch_catch.h"

namespace longspan {
namespace {

namespace fs = std::filesystem;
using Catch::Matchers::ContainsSubstring;

struct Run {
  CheckpointContents contents{
      20,
      {{"embed.weight", at::arange(12, at::kFloat).view({3, 4})}, {"fc.bias", at::zeros({2})}},
      {{"mean.fc.bias", at::zeros({2})}},
      Json{{"step", 20}, {"elapsed_seconds", 1.5}, {"best_step", 10}},
      "name: trial\n"};
  std::string rows =
      R"({"step":10,"time":1.0,"train/loss":2.5,"perf/mfu":0.1,"memory/peak_bytes":5})"
      "\n"
      R"({"step":20,"time":2.0,"train/loss":2.25,"perf/mfu":0.1,"memory/peak_bytes":5})"
      "\n";

  void write(const fs::path& folder) const {
    make_folder(folder / "tokenizer");
    write_file_durably(folder / "tokenizer" / "words.txt", "a\n");
    save_checkpoint(folder, contents, folder / "tokenizer");
    write_file_durably(folder / "metrics.jsonl", rows);
  }
};

RunComparison compared(const std::function<void(Run&)>& change) {
  const testing::TemporaryFolder folder;
  Run left, right;
  change(right);
  left.write(folder.path() / "left");
  right.write(folder.path() / "right");
  return compare_runs(folder.path() / "left", folder.path() / "right");
}

void replace(std::string& text, const std::string& part, const std::string& by) {
  text.replace(text.find(part), part.size(), by);
}

TEST_CASE("runs are equal whatever their times and memory were") {
  const RunComparison found = compared([](Run& run) {
    run.contents.trainer["elapsed_seconds"] = 99.0;
    replace(run.rows, "\"time\":1.0", "\"time\":7.0");
    replace(run.rows, "0.1,", "0.9,");
    replace(run.rows, "_bytes\":5", "_bytes\":6");
  });
  CHECK(found.difference.value_or("none") == "none");
  CHECK(found.step == 20);
  CHECK(found.tensors == 3);
  CHECK(found.rows == 2);
}

TEST_CASE("the first difference of two runs is named") {
  const auto difference = [](const std::function<void(Run&)>& change) {
    return compared(change).difference.value_or("none");
  };
  CHECK(difference([](Run& run) {
          run.contents.model[1].tensor[0] = -0.0;  // equal as a number, not as bits
        }) == "model: fc.bias differs");
  CHECK(difference([](Run& run) {
          auto* value = run.contents.model[0].tensor.mutable_data_ptr<float>() + 5;
          *value = std::nextafter(*value, std::numeric_limits<float>::infinity());
        }) == "model: embed.weight differs");
  CHECK(difference([](Run& run) { run.contents.optimizer[0].tensor[1] = 1e-30; }) ==
        "optimizer: mean.fc.bias differs");
  CHECK(difference([](Run& run) { run.contents.model[1].name = "fc.other"; }) ==
        "model: fc.bias against fc.other");
  CHECK(difference([](Run& run) { run.contents.optimizer.clear(); }) ==
        "optimizer: 1 tensors against 0");
  CHECK(difference([](Run& run) { run.contents.trainer["best_step"] = 20; }) ==
        "trainer.json: best_step is 10 against 20");
  CHECK(difference([](Run& run) { replace(run.rows, "2.25", "2.2500000000000004"); }) ==
        "metrics.jsonl, row 2: train/loss is 2.25 against 2.2500000000000004");
  CHECK(difference([](Run& run) { run.rows.resize(run.rows.find('\n') + 1); }) ==
        "metrics.jsonl: 2 rows against 1");
  CHECK(difference([](Run& run) { replace(run.rows, "\"step\":20", "\"step\":20,\"more\":1"); }) ==
        "metrics.jsonl, row 2: more is none against 1");
}

TEST_CASE("a run without a whole checkpoint cannot be compared") {
  const testing::TemporaryFolder folder;
  Run().write(folder.path() / "left");
  make_folder(folder.path() / "right");
  CHECK_THROWS(compare_runs(folder.path() / "left", folder.path() / "right"));
}

}  // namespace
}  // namespace longspan
