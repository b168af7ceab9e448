// What is read: evaluations and metrics.
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <functional>

#include "longspan/core/error.h"
#include "report/evaluation.h"
#include "report/history.h"
#include "support/temporary_folder.h"
#include "unit/report/run_writer.h"

namespace longspan::report {
namespace {

using Catch::Matchers::EndsWith;
using Catch::Matchers::StartsWith;
using testing::RunWriter;
using testing::TemporaryFolder;

TEST_CASE("an evaluation is read cell by cell") {
  const TemporaryFolder folder;
  const RunWriter run{folder.path(), "r", "t5", 48};
  Json second = run.cell(96, 7.0);
  second["ppl"] = nullptr;
  second["position_overrides"] = {"a=1", "b=2"};
  const Evaluation evaluation =
      read_evaluation(run.evaluation("valid", {run.cell(24, 6.5), second}));
  CHECK(evaluation.split == "valid");
  REQUIRE(evaluation.cells.size() == 2);
  CHECK(evaluation.cells[0].run == "r");
  CHECK(evaluation.cells[0].method == "t5");
  CHECK(evaluation.cells[0].train_length == 48);
  CHECK(evaluation.cells[0].length == 24);
  CHECK(evaluation.cells[0].checkpoint_step == 30);
  CHECK(evaluation.cells[0].targets == 777);
  CHECK(evaluation.cells[0].ppl == 6.5);
  CHECK(evaluation.cells[0].position_overrides.empty());
  CHECK(std::isnan(evaluation.cells[1].ppl));
  CHECK(evaluation.cells[1].position_overrides == "a=1; b=2");
}

std::string message_for(const TemporaryFolder& folder, const std::function<void(Json&)>& damage) {
  const RunWriter run{folder.path(), "r", "t5"};
  Json document{{"format", "longspan.evaluation/1"},
                {"cells", {run.cell(16, 5.0), run.cell(32, 6.0)}}};
  damage(document);
  write_json(folder.path() / "valid.json", document);
  try {
    read_evaluation(folder.path() / "valid.json");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::Data);
    return error.what();
  }
  return "no error";
}

TEST_CASE("a damaged evaluation is an error that names file, cell and key") {
  const TemporaryFolder folder;
  const std::string file = (folder.path() / "valid.json").string();
  CHECK(message_for(folder, [](Json& d) { d["format"] = "other/2"; }) ==
        file + ": format must be longspan.evaluation/1, got other/2");
  CHECK(message_for(folder, [](Json& d) { d = Json::array(); }) ==
        file + ": must be an object, got []");
  CHECK(message_for(folder, [](Json& d) { d.erase("cells"); }) == file + ": cells must be a list");
  CHECK(message_for(folder, [](Json& d) { d["cells"][1].erase("dtype"); }) ==
        file + ": cells[1] dtype must be there, got nothing");
  CHECK(message_for(folder, [](Json& d) { d["cells"][0]["length"] = 1.5; }) ==
        file + ": cells[0] length must be an integer of at least 1, got 1.5");
  CHECK(message_for(folder, [](Json& d) { d["cells"][0]["length"] = 0; }) ==
        file + ": cells[0] length must be an integer of at least 1, got 0");
  CHECK(message_for(folder, [](Json& d) { d["cells"][0]["train_length"] = -16; }) ==
        file + ": cells[0] train_length must be an integer of at least 1, got -16");
  CHECK(message_for(folder, [](Json& d) { d["cells"][0]["targets"] = 1ull << 63; }) ==
        file + ": cells[0] targets must be an integer of at least 0, got 9223372036854775808");
  CHECK(message_for(folder, [](Json& d) { d["cells"][1]["ppl"] = "inf"; }) ==
        file + ": cells[1] ppl must be a number or null, got \"inf\"");
  CHECK(message_for(folder, [](Json& d) { d["cells"][1]["mode"] = 3; }) ==
        file + ": cells[1] mode must be a text, got 3");
  CHECK(message_for(folder,
                    [](Json& d) {
                      d["cells"][1]["ppl_interval"] = {6.0, 5.0};
                    }) ==
        file + ": cells[1] ppl_interval must be [low, high] with 0 <= low <= high, got [6.0,5.0]");
  for (const char* other : {"3.5", "[5.0]", "[5.0,\"6\"]", "{\"low\":5.0}"})
    CHECK(message_for(folder, [&](Json& d) {
            d["cells"][1]["ppl_interval"] = Json::parse(other);
          }) == file + ": cells[1] ppl_interval must be null or [low, high], got " + other);
  CHECK(message_for(folder, [](Json& d) {
          d["cells"][0]["gain"] = {{"total_nats", 1.0}};
        }) == file + ": cells[0] gain: fewer_early_tokens_nats must be there, got nothing");
  CHECK(message_for(folder, [](Json& d) { d["cells"][0]["loss_by_context"] = 1; }) ==
        file + ": cells[0] loss_by_context must be a list, got 1");
  CHECK(
      message_for(folder, [](Json& d) {
        d["cells"][0]["loss_by_context"] = {{{"first", 0}}};
      }) == file + ": cells[0] loss_by_context[0]: first must be an integer of at least 1, got 0");
  CHECK(message_for(folder, [](Json& d) { d["comparisons"] = 1; }) ==
        file + ": comparisons must be a list");
  CHECK(message_for(folder, [](Json& d) {
          d["comparisons"] = {{{"run", "r"}}};
        }) == file + ": comparisons[0] against must be there, got nothing");
  CHECK(message_for(folder, [](Json& d) { d["cells"][1] = 3; }) ==
        file + ": cells[1] must be an object, got 3");
}

TEST_CASE("metrics are read in the order of steps, absent values as absent") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "metrics.jsonl";
  write_file_durably(
      path,
      "{\"step\":20,\"tokens\":40,\"train/loss\":2.5,\"perf/step_seconds\":0.25,\"perf/"
      "tokens_per_second\":9}\n"
      "{\"step\":10,\"tokens\":20,\"train/loss\":null,\"perf/step_seconds\":0.5,\"perf/"
      "tokens_per_second\":7}\n"
      "\n"
      "{\"step\":30,\"tokens\":60,\"valid/loss\":1.5,\"valid/ppl\":4.5,\"valid/ppl@128\":5.5,"
      "\"extrapolation/ppl@256\":6.5,\"extrapolation/ppl@512\":null,\"perf/"
      "tokens_per_second\":30}\n"
      "{\"step\":40,\"valid/ppl\":4.75}\n");
  const auto rows = read_history(path);
  REQUIRE(rows.size() == 4);
  CHECK(rows[0].step == 10);
  CHECK(!rows[0].train_loss);
  CHECK(rows[1].train_loss == 2.5);
  CHECK(rows[1].tokens == 40);
  CHECK(rows[2].valid_loss == 1.5);
  CHECK(rows[2].ppl_at == std::map<std::int64_t, double>{{128, 5.5}, {256, 6.5}});
  CHECK(training_seconds(rows) == 10 * 0.5 + 10 * 0.25);
  CHECK(median_tokens_per_second(rows) == 9.0);
  CHECK(best_valid_ppl(rows) == 4.5);
  CHECK(!training_seconds({}));
  CHECK(!median_tokens_per_second({}));
  CHECK(!best_valid_ppl({}));
}

TEST_CASE("steps that no run has are refused, tokens beyond count are bounded") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "metrics.jsonl";
  for (const std::string step : {"-1", "1.5", "9223372036854775808"}) {
    write_file_durably(path, "{\"step\":" + step + "}\n{\"step\":1}\n");
    const auto message = [&] {
      try {
        read_history(path);
      } catch (const Error& error) {
        return std::string(error.what());
      }
      return std::string("no error");
    };
    CHECK(message().starts_with(path.string() + ":1: must be a JSON object with a step, got "));
  }
  write_file_durably(path, "{\"step\":9223372036854775807,\"tokens\":1e300}\n{\"step\":0}\n");
  CHECK(read_history(path)[1].tokens == 9000000000000000000);
}

TEST_CASE("a last line cut short is passed over, one before it is an error") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "metrics.jsonl";
  const std::string row = "{\"step\":10,\"train/loss\":2.5}\n";
  for (const char* tail :
       {"", "{\"step\":20,\"train/lo", "{\"step\":20,\"train/lo\n", "{", "\0\0\0", "2"}) {
    write_file_durably(path, row + tail);
    CHECK(read_history(path).size() == 1);
  }
  write_file_durably(path, row + "{\"step\":20,\"trai\n" + row);
  try {
    read_history(path);
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::Data);
    CHECK(std::string(error.what()) ==
          path.string() + ":2: must be a JSON object with a step, got {\"step\":20,\"trai");
  }
}

}  // namespace
}  // namespace longspan::report
