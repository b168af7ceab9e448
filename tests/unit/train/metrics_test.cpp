// metrics.jsonl after a kill: every row once, in order, none cut short; and the counters that a
// checkpoint carries.

#include "train/metrics.h"

#include "longspan/core/error.h"
#include "support/temporary_folder.h"
#include "support/torch_catch.h"
#include "train/progress.h"

namespace longspan {
namespace {

using testing::TemporaryFolder;

TEST_CASE(
    "opening at a step drops later rows and a last line cut short, and keeps the others byte for "
    "byte") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "metrics.jsonl";
  const std::string kept = "{\"step\":2,\"train/loss\":0.1}\n{\"step\":4,\"train/loss\":2.5}\n";
  write_file_durably(path, kept + "{\"step\":6,\"train/loss\":3}\n{\"step\":8,\"tra");
  {
    MetricsWriter metrics(folder.path(), 4, false);
    CHECK(read_file(path) == kept);
    metrics.write({{"step", 6}, {"train/loss", 1.0 / 3.0}});
  }
  CHECK(read_file(path) == kept + "{\"step\":6,\"train/loss\":0.3333333333333333}\n");
}

TEST_CASE("counters read back to the same bits") {
  RunProgress progress;
  progress.step = 7;
  progress.tokens = 1234567890123;
  progress.elapsed_seconds = 0.1 + 0.2;
  progress.interval_loss_sum = 1e300 / 3;
  progress.interval_targets = 5;
  progress.best_value = 1.0 / 7;
  progress.best_step = 3;
  progress.data_fingerprint = "abc";
  const auto again = RunProgress::from_json(Json::parse(progress.to_json().dump()));
  CHECK(again.step == 7);
  CHECK(again.tokens == 1234567890123);
  CHECK(again.elapsed_seconds == progress.elapsed_seconds);
  CHECK(again.interval_loss_sum == progress.interval_loss_sum);
  CHECK(again.interval_targets == 5);
  CHECK(again.best_value == progress.best_value);
  CHECK(again.best_step == 3);
  CHECK(again.data_fingerprint == "abc");
}

TEST_CASE("counters that are missing are a checkpoint error") {
  Json document = RunProgress{}.to_json();
  document.erase("tokens");
  try {
    RunProgress::from_json(document);
    FAIL("accepted");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::Checkpoint);
    CHECK_THAT(error.what(), Catch::Matchers::ContainsSubstring("tokens"));
  }
}

TEST_CASE("clock texts") {
  CHECK(clock_text(0) == "0:00");
  CHECK(clock_text(123.4) == "2:03");
  CHECK(clock_text(3723) == "1:02:03");
}

}  // namespace
}  // namespace longspan
