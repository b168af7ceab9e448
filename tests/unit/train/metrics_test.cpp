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
  write_file_durably(path,
                     kept + "{\"step\":\"x\"}\n{\"step\":6,\"train/loss\":3}\n{\"step\":8,\"tra");
  {
    MetricsWriter metrics(folder.path(), 5, false);
    CHECK(read_file(path) == kept);
    MetricRow row;
    row.step = 6;
    row.loss = 1.0 / 3.0;
    metrics.write(to_json(row));
  }
  const std::string content = read_file(path);
  REQUIRE(content.starts_with(kept));
  const Json row = Json::parse(content.substr(kept.size()));
  CHECK(content.ends_with("}\n"));
  CHECK(row["step"] == 6);
  CHECK_THAT(content, Catch::Matchers::ContainsSubstring("\"train/loss\":0.3333333333333333,"));
}

TEST_CASE("rows that go to a removed file are noticed") {
  const TemporaryFolder folder;
  const auto run = folder.path() / "run";
  for (const bool tensorboard : {false, true}) {
    make_folder(run);
    const MetricsWriter metrics(run, 1, tensorboard);
    CHECK_FALSE(metrics.is_lost());
    std::filesystem::remove_all(run);
    CHECK(metrics.is_lost());
  }
  make_folder(run);
  const MetricsWriter metrics(run, 1, true);
  for (const auto& entry : std::filesystem::directory_iterator(run))
    if (entry.path().filename() != "metrics.jsonl") std::filesystem::remove(entry.path());
  CHECK(metrics.is_lost());
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

TEST_CASE("a step whose validation was stopped reads back") {
  RunProgress progress;
  progress.unfinished = {0.1, 1.0 / 3.0};
  const auto again = RunProgress::from_json(Json::parse(progress.to_json().dump()));
  REQUIRE(again.unfinished);
  CHECK(again.unfinished->lr == 0.1);
  CHECK(again.unfinished->grad_norm == 1.0 / 3.0);
  CHECK_FALSE(RunProgress::from_json(RunProgress{}.to_json()).unfinished);
}

TEST_CASE("a validation's numbers have the names of the interface") {
  const Validation validation{{{16, 2.0, 7.4}, {32, 1.5, 4.5}}, {{64, 3.0, 20.1}}};
  MetricRow row;
  row.validation = validation;
  const Json json = to_json(row);
  CHECK(json["valid/loss"] == 2.0);
  CHECK(json["valid/ppl@32"] == 4.5);
  CHECK(json["extrapolation/ppl@64"] == 20.1);
  CHECK(value_of(validation, {BestMetric::Kind::ValidLoss}) == 2.0);
  CHECK(value_of(validation, {BestMetric::Kind::ValidPpl}) == 7.4);
  CHECK(value_of(validation, {BestMetric::Kind::ExtrapolationPpl, 64}) == 20.1);
  CHECK_FALSE(value_of(validation, {BestMetric::Kind::ExtrapolationPpl, 128}));
}

TEST_CASE("time left comes from the limit that ends the run first, and no limit is not a number") {
  using Catch::Matchers::ContainsSubstring;
  MetricRow row;
  row.step = 10;
  row.step_seconds = 2.0;
  CHECK_THAT(progress_line(row, {40, {}}),
             ContainsSubstring("step 10/40 |") && ContainsSubstring("| 1:00 left"));
  CHECK_THAT(progress_line(row, {{}, 30.0}),
             ContainsSubstring("step 10 |") && ContainsSubstring("| 0:30 left"));
  CHECK_THAT(progress_line(row, {40, 30.0}), ContainsSubstring("| 0:30 left"));
  CHECK_THAT(progress_line(row, {40, 300.0}), ContainsSubstring("| 1:00 left"));
}

TEST_CASE("utilization is in a row and its line where it is known") {
  using Catch::Matchers::ContainsSubstring;
  MetricRow row;
  CHECK_FALSE(to_json(row).contains("perf/mfu"));
  CHECK(progress_line(row, {40, {}}).find("MFU") == std::string::npos);
  row.mfu = 0.4325;
  CHECK(to_json(row)["perf/mfu"] == 0.4325);
  CHECK_THAT(progress_line(row, {40, {}}), ContainsSubstring("GiB | MFU 43.2 % | "));
}

}  // namespace
}  // namespace longspan
