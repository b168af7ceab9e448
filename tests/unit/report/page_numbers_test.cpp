// The page against the data beside it: what its tables and its script show are the numbers of the
// JSON file.
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "longspan/core/error.h"
#include "longspan/report/report.h"
#include "report/html.h"
#include "report/numbers.h"
#include "support/temporary_folder.h"
#include "unit/report/run_writer.h"

namespace longspan {
namespace {

namespace fs = std::filesystem;
using Catch::Matchers::ContainsSubstring;
using testing::RunWriter;
using testing::TemporaryFolder;

constexpr const char* kMarkup = "</script><script>alert(1)</script><b>&amp;\"'";

struct Made {
  std::string page;
  Json numbers;
};

Made make(const std::vector<fs::path>& runs, const fs::path& folder) {
  write_report(runs, folder / "r.html");
  return {read_file(folder / "r.html"), read_json(folder / "r.json")};
}

Json measured(Json cell, double tokens_per_second, double peak_bytes) {
  cell["tokens_per_second"] = tokens_per_second;
  cell["peak_bytes"] = peak_bytes;
  return cell;
}

// Two methods, one of them with two seeds, with validations and evaluations.
std::vector<fs::path> write_runs(const fs::path& folder, const std::string& name = "first") {
  std::vector<fs::path> runs;
  for (int i = 0; i < 3; ++i) {
    RunWriter run{folder / std::to_string(i), concat(name, i), i < 2 ? "alibi" : "t5", 16, i + 1};
    run.config();
    run.metrics();
    run.evaluation("test", {measured(run.cell(16, 20.0 + 0.7 * i), 1000.0 + i, 3e8 + i),
                            measured(run.cell(64, 1234.5 * (i + 1)), 250.0, 4e8)});
    runs.push_back(run.folder);
  }
  return runs;
}

std::vector<std::string> between(const std::string& text, const std::string& start,
                                 const std::string& end) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; (at = text.find(start, at)) != std::string::npos;) {
    at += start.size();
    parts.push_back(text.substr(at, text.find(end, at) - at));
  }
  return parts;
}

std::vector<Json> figures_of(const Json& numbers) {
  std::vector<Json> figures(numbers["extrapolation"].begin(), numbers["extrapolation"].end());
  figures.insert(figures.end(), numbers["training"].begin(), numbers["training"].end());
  return figures;
}

TEST_CASE("the page's script has the numbers of the JSON file, bit for bit") {
  const TemporaryFolder folder;
  const Made made = make(write_runs(folder.path()), folder.path());
  const auto scripts = between(made.page, "<script type=\"application/json\">", "</script>");
  const std::vector<Json> figures = figures_of(made.numbers);
  REQUIRE(scripts.size() == 4);
  REQUIRE(figures.size() == 4);
  for (std::size_t i = 0; i < figures.size(); ++i) {
    const Json shown = Json::parse(scripts[i]);
    CHECK(shown["name"] == figures[i]["name"]);
    REQUIRE(shown["series"].size() == figures[i]["series"].size());
    for (std::size_t k = 0; k < shown["series"].size(); ++k) {
      const Json &a = shown["series"][k], &b = figures[i]["series"][k];
      CHECK(a["label"] == b["label"]);
      CHECK(a["runs"] == b["runs"]);
      REQUIRE(a["points"].size() == b["points"].size());
      for (std::size_t p = 0; p < a["points"].size(); ++p) {
        const Json &got = a["points"][p], &wanted = b["points"][p];
        CHECK(got[0] == wanted["x"]);
        CHECK(got[1] == wanted["y"]);
        const bool has_range = wanted["low"] != wanted["high"];
        const bool has_interval = wanted.contains("interval");
        REQUIRE(got.size() == (has_interval ? 6u : has_range ? 4u : 2u));
        if (has_range) CHECK((got[2] == wanted["low"] && got[3] == wanted["high"]));
        if (!has_range && got.size() > 2) CHECK((got[2].is_null() && got[3].is_null()));
        if (has_interval) CHECK(Json{got[4], got[5]} == wanted["interval"]);
      }
    }
  }
  CHECK(figures[0]["series"][0]["points"][1].contains("interval"));
}

// The results table's row of a line; speed_section() has one of the same name behind it.
std::string row_of(const std::string& page, const std::string& label, std::size_t which) {
  std::vector<std::string> rows;
  for (const std::string& row : between(page, "<tr><th scope=\"row\">", "</tr>"))
    if (row.find("</svg>" + report::escape(label)) != std::string::npos) rows.push_back(row);
  REQUIRE(rows.size() > which);
  return rows[which];
}

TEST_CASE("the tables have the numbers of the JSON file, with intervals and seeds") {
  const TemporaryFolder folder;
  const Made made = make(write_runs(folder.path()), folder.path());
  for (const Json& series : made.numbers["extrapolation"][0]["series"]) {
    std::string label = series["label"];
    label = label.substr(0, label.find(" ("));
    const auto cells = between(row_of(made.page, label, 0), "<td", "</td>");
    REQUIRE(cells.size() == series["points"].size());
    for (std::size_t i = 0; i < cells.size(); ++i) {
      const Json& point = series["points"][i];
      const double y = point["y"], high = point["interval"][1];
      CHECK_THAT(cells[i], ContainsSubstring("<b>" + report::perplexity(y) + "</b>"));
      CHECK_THAT(cells[i], ContainsSubstring("<small>\u00b1" + report::margin(high - y, y)));
      if (series["runs"].size() > 1)
        CHECK_THAT(cells[i], ContainsSubstring("<small>" + report::perplexity(point["low"]) +
                                               "\u2013" + report::perplexity(point["high"])));
    }
  }
  CHECK_THAT(made.page, ContainsSubstring("<small>\u00b10.49</small>"));  // 1.96 of 0.25
  CHECK_THAT(made.page, ContainsSubstring("half of the 95 % interval"));
}

TEST_CASE("speed and memory by length are means and peaks of the seeds, as in the JSON file") {
  const TemporaryFolder folder;
  const Made made = make(write_runs(folder.path()), folder.path());
  const Json& speed = made.numbers["speed"];
  REQUIRE(speed.size() == 1);
  CHECK(speed[0]["split"] == "test");
  CHECK(speed[0]["series"][0]["points"] ==
        Json{{{"x", 16}, {"tokens_per_second", 1000.5}, {"peak_bytes", 3e8 + 1}},
             {{"x", 64}, {"tokens_per_second", 250.0}, {"peak_bytes", 4e8}}});
  const std::string alibi = row_of(made.page, "alibi", 1);
  CHECK_THAT(alibi, ContainsSubstring("<b>1k</b><small>286 MiB</small>") &&
                        ContainsSubstring("<b>250</b><small>381 MiB</small>"));
  CHECK_THAT(row_of(made.page, "t5", 1), ContainsSubstring("<small>286 MiB</small>"));
}

TEST_CASE("results without errors, speed or memory are shown without them") {
  const TemporaryFolder folder;
  RunWriter run{folder.path() / "run", "old", "alibi"};
  run.config();
  Json first = run.cell(16, 20.0), second = run.cell(32, 21.0);
  first.erase("ppl_stderr");
  second["ppl_stderr"] = nullptr;
  run.evaluation("test", {first, second});
  const Made made = make({run.folder}, folder.path());
  CHECK(made.page.find("\u00b1") == made.page.rfind("\u00b1"));  // the head of a column
  CHECK(made.page.find("Speed and memory") == std::string::npos);
  CHECK(!made.numbers["extrapolation"][0]["series"][0]["points"][0].contains("interval"));
  CHECK(made.numbers["speed"][0]["series"][0]["points"].empty());
}

TEST_CASE("a negative error or speed is an error that names the cell") {
  const TemporaryFolder folder;
  RunWriter run{folder.path() / "run", "bad", "alibi"};
  run.config();
  for (const char* key : {"ppl_stderr", "tokens_per_second", "peak_bytes"}) {
    Json cell = run.cell(16, 20.0);
    cell[key] = -1.5;
    const fs::path file = run.evaluation("test", {cell});
    std::string message = "none";
    try {
      write_report({run.folder}, folder.path() / "r.html");
    } catch (const Error& error) {
      message = error.what();
    }
    CHECK(message == concat(file.string(), ": cells[0] ", key, " must be at least 0, got -1.5"));
  }
}

TEST_CASE("a name with markup is text in the page and in what its script reads") {
  const TemporaryFolder folder;
  const Made made = make(write_runs(folder.path(), kMarkup), folder.path());
  CHECK(made.page.find("<script>alert") == std::string::npos);
  CHECK(made.page.find("<b>&amp;\"") == std::string::npos);
  const auto scripts = between(made.page, "<script type=\"application/json\">", "</script>");
  CHECK(between(made.page, "<script", ">").size() == scripts.size() + 1);
  REQUIRE(!scripts.empty());
  CHECK(Json::parse(scripts[0])["series"][0]["runs"][0] == concat(kMarkup, 0));
}

}  // namespace
}  // namespace longspan
