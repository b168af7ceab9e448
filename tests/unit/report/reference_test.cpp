// Published figures: the paper's file, and how they are laid beside measured ones.
#include "report/reference.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <functional>
#include <set>
#include <tuple>

#include "longspan/core/error.h"
#include "longspan/report/report.h"
#include "support/temporary_folder.h"
#include "unit/report/run_writer.h"

namespace longspan::report {
namespace {

namespace fs = std::filesystem;
using Catch::Matchers::ContainsSubstring;
using testing::RunWriter;
using testing::TemporaryFolder;

TEST_CASE("the paper's file holds every table whole, without two figures for one place") {
  const fs::path path = find_reference("paper");
  const Reference reference = read_reference(path);
  CHECK(reference.targets ==
        std::map<std::string, std::int64_t>{{"valid", 217646}, {"test", 245569}});
  std::map<std::string, int> counts;
  std::map<std::tuple<std::string, std::int64_t, std::int64_t, std::string, std::string>,
           std::set<double>>
      figures;
  for (const auto& record : reference.records) {
    ++counts[record.table];
    figures[{record.method, record.train_length, record.length, record.mode, record.split}].insert(
        record.ppl);
  }
  CHECK(counts == std::map<std::string, int>{{"Table 2", 35 * 4 - 3},  // three ran out of memory
                                             {"Table 3", 35 * 4 - 4},
                                             {"Table 4", 33 * 4 - 3},
                                             {"Table 5", 36 + 8 + 3 + 3},
                                             {"Table 6", 5 * 2},
                                             {"Table 7", 5 * 2},
                                             {"Tables 13 to 15", 3 * 10}});
  for (const auto& [place, values] : figures) CHECK(values.size() == 1);
  const Json document = read_json(path);
  for (const auto& table : document["tables"])
    CHECK(counts[table["source"].get<std::string>()] == table["records"].get<int>());
}

TEST_CASE("figures that the paper's summary names are in the file") {
  const Reference reference = read_reference(find_reference("paper"));
  const auto ppl = [&](const std::string& method, std::int64_t trained, std::int64_t length,
                       const std::string& mode, const std::string& split) {
    for (const auto& record : reference.records)
      if (record.method == method && record.train_length == trained && record.length == length &&
          record.mode == mode && record.split == split)
        return record.ppl;
    return 0.0;
  };
  CHECK(ppl("alibi", 512, 512, "nonoverlapping", "valid") == 19.73);
  CHECK(ppl("alibi", 512, 3072, "nonoverlapping", "valid") == 18.40);
  CHECK(ppl("alibi", 3072, 3072, "nonoverlapping", "test") == 18.30);
  CHECK(ppl("sinusoidal", 3072, 3072, "nonoverlapping", "test") == 19.38);
  CHECK(ppl("sinusoidal", 512, 1012, "nonoverlapping", "valid") == 43.54);
  CHECK(ppl("rotary", 1024, 16024, "nonoverlapping", "valid") == 106.99);
  CHECK(ppl("t5", 3072, 3072, "stride:512", "test") == 18.12);
  CHECK(ppl("alibi", 512, 512, "stride:1", "valid") == 17.98);
}

RunWriter writer(const fs::path& folder) {
  RunWriter run{folder / "run", "run", "alibi", 512};
  run.config();
  return run;
}

Json paper_cell(const RunWriter& run, std::int64_t length, double ppl) {
  Json cell = run.cell(length, ppl);
  cell["targets"] = 217646;
  return cell;
}

TEST_CASE("a report lays the paper's figure and the ratio beside each cell that has one") {
  const TemporaryFolder folder;
  const RunWriter run = writer(folder.path());
  Json sliding = paper_cell(run, 512, 17.98);
  sliding["mode"] = "stride:1";
  sliding["stride"] = 1;
  Json changed = paper_cell(run, 512, 19.0);
  changed["position_overrides"] = {"slopes=other"};
  changed["checkpoint_step"] = 31;
  run.evaluation("valid",
                 {paper_cell(run, 512, 39.46), paper_cell(run, 100, 40.0), sliding, changed});
  const ReportSummary summary =
      write_report({run.folder}, folder.path() / "r.html", find_reference("paper"));
  CHECK(summary.cells == 4);
  CHECK(summary.cells_matched == 2);

  const Json use = read_json(folder.path() / "r.json")["reference"];
  CHECK(use["cells"] == 4);
  CHECK(use["cells_matched"] == 2);
  CHECK(use["doubts"].empty());
  REQUIRE(use["figures"].size() == 2);
  CHECK(use["figures"][0]["paper"] == 19.73);
  CHECK(use["figures"][0]["ratio"] == 39.46 / 19.73);
  CHECK(use["figures"][0]["table"] == "Table 2");
  CHECK(use["figures"][1]["mode"] == "stride:1");
  CHECK(use["figures"][1]["ratio"] == 1.0);

  const std::string page = read_file(folder.path() / "r.html");
  CHECK_THAT(page, ContainsSubstring("<h2>Beside the paper</h2>") &&
                       ContainsSubstring("2 of 4 measured cells have a figure") &&
                       ContainsSubstring("<td class=\"number\">39.46</td><td "
                                         "class=\"number\">19.73</td><td "
                                         "class=\"number\">2.00</td><td>Table 2</td>"));
  CHECK(page.find("Not the paper") == std::string::npos);

  const std::string csv = read_file(folder.path() / "r.csv");
  CHECK_THAT(csv, ContainsSubstring(",paper,paper_ratio,paper_table\n") &&
                      ContainsSubstring(",19.73,2.0,Table 2\n"));
  CHECK_THAT(csv, ContainsSubstring(",,,\n"));  // a cell without a published figure
}

TEST_CASE("cells of another text are said to be of another text") {
  const TemporaryFolder folder;
  const RunWriter run = writer(folder.path());
  run.evaluation("valid", {run.cell(512, 20.0)});
  write_report({run.folder}, folder.path() / "r.html", find_reference("paper"));
  CHECK_THAT(read_file(folder.path() / "r.html"),
             ContainsSubstring("run scored 777 targets of valid, the paper 217\u202f646"));
}

TEST_CASE("without a reference a report says nothing of one") {
  const TemporaryFolder folder;
  const RunWriter run = writer(folder.path());
  run.evaluation("valid", {paper_cell(run, 512, 20.0)});
  CHECK(write_report({run.folder}, folder.path() / "r.html").cells == 0);
  CHECK(read_file(folder.path() / "r.html").find("the paper") == std::string::npos);
  CHECK(read_file(folder.path() / "r.csv").find("paper") == std::string::npos);
  CHECK(!read_json(folder.path() / "r.json").contains("reference"));
}

TEST_CASE("a cell without a finite perplexity keeps the published figure and has no ratio") {
  const TemporaryFolder folder;
  const RunWriter run = writer(folder.path());
  Json diverged = paper_cell(run, 1112, 1.0);
  diverged["ppl"] = nullptr;
  run.evaluation("valid", {paper_cell(run, 512, 20.0), diverged});
  write_report({run.folder}, folder.path() / "r.html", find_reference("paper"));
  const Json figures = read_json(folder.path() / "r.json")["reference"]["figures"];
  REQUIRE(figures.size() == 2);
  CHECK(figures[1]["paper"] == 18.68);
  CHECK(figures[1]["ratio"].is_null());
}

std::string message_for(const TemporaryFolder& folder, const std::function<void(Json&)>& damage) {
  Json document{{"format", "longspan.paper/1"},
                {"source", "a paper"},
                {"targets", {{"valid", 777}}},
                {"records",
                 {{{"table", "Table 1"},
                   {"method", "alibi"},
                   {"train_length", 16},
                   {"length", 32},
                   {"mode", "nonoverlapping"},
                   {"split", "valid"},
                   {"ppl", 12.5}}}}};
  damage(document);
  write_json(folder.path() / "figures.json", document);
  try {
    read_reference(folder.path() / "figures.json");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::Data);
    return error.what();
  }
  return "no error";
}

TEST_CASE("a damaged file of figures is an error that names the file and the record") {
  const TemporaryFolder folder;
  const std::string file = (folder.path() / "figures.json").string();
  CHECK(message_for(folder, [](Json&) {}) == "no error");
  CHECK(message_for(folder, [](Json& d) { d["format"] = "other/1"; }) ==
        file + ": format must be longspan.paper/1, got other/1");
  CHECK_THAT(message_for(folder, [](Json& d) { d.erase("targets"); }),
             ContainsSubstring(file + ": a field is missing"));
  CHECK_THAT(message_for(folder, [](Json& d) { d["records"][0]["ppl"] = "low"; }),
             ContainsSubstring(file + ": records[0]: a field is missing or of the wrong type"));
  CHECK(find_reference(file) == file);
  CHECK_THROWS_WITH(find_reference("no/file.json"),
                    "--reference must be paper or a file of published perplexities, there is no "
                    "no/file.json");
}

}  // namespace
}  // namespace longspan::report
