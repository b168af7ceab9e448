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
  figures.insert(figures.end(), numbers["context"].begin(), numbers["context"].end());
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
      const double y = point["y"];
      CHECK_THAT(cells[i], ContainsSubstring("<b>" + report::perplexity(y) + "</b>"));
      CHECK_THAT(cells[i],
                 ContainsSubstring("<small>" + report::perplexity(point["interval"][0]) + "\u2013" +
                                   report::perplexity(point["interval"][1]) + "</small>"));
      if (series["runs"].size() > 1)
        CHECK_THAT(cells[i], ContainsSubstring("<small>seeds " + report::perplexity(point["low"]) +
                                               "\u2013" + report::perplexity(point["high"])));
    }
  }
  CHECK_THAT(made.page, ContainsSubstring("<small>20.91\u201321.89</small>"));  // 1.96 of 0.25
  CHECK_THAT(made.page, ContainsSubstring("its 95 % interval"));
}

// Two seeds of one method and one of another, with all that newer results have. The second seed and
// the other method are held against the first run.
std::vector<RunWriter> write_full_runs(const fs::path& folder) {
  std::vector<RunWriter> runs;
  for (int i = 0; i < 3; ++i)
    runs.push_back(
        {folder / std::to_string(i), concat("run", i), i < 2 ? "alibi" : "t5", 16, i + 1});
  for (const RunWriter& run : runs) {
    run.config();
    std::vector<Json> comparisons;
    if (run.seed > 1)
      for (const std::int64_t length : {16, 64})
        comparisons.push_back(run.comparison(
            runs[0], length,
            0.0321 * static_cast<double>(run.seed) - 0.001 * static_cast<double>(length)));
    run.evaluation("test",
                   {run.full_cell(16, 20.0 + static_cast<double>(run.seed)),
                    run.full_cell(64, 900.0 + static_cast<double>(run.seed))},
                   comparisons);
  }
  return runs;
}

Made make_full(const std::vector<RunWriter>& runs, const fs::path& folder) {
  std::vector<fs::path> folders;
  for (const RunWriter& run : runs) folders.push_back(run.folder);
  return make(folders, folder);
}

// The part of the page under a heading.
std::string section_of(const std::string& page, const std::string& heading) {
  const std::size_t start = page.find("<h2>" + heading + "</h2>");
  return start == std::string::npos ? ""
                                    : page.substr(start, page.find("</section>", start) - start);
}

TEST_CASE("the intervals are the results' own, of seeds the mean of theirs") {
  const TemporaryFolder folder;
  const auto runs = write_full_runs(folder.path());
  const Made made = make_full(runs, folder.path());
  const Json& series = made.numbers["extrapolation"][0]["series"];
  CHECK(series[1]["label"] == "t5");
  CHECK(series[1]["points"][0]["interval"] == runs[2].full_cell(16, 23.0)["ppl_interval"]);
  CHECK(series[1]["points"][1]["interval"] == runs[2].full_cell(64, 903.0)["ppl_interval"]);
  CHECK(series[0]["points"][0]["interval"] ==
        Json{(0.97 * 21.0 + 0.97 * 22.0) / 2.0, (1.04 * 21.0 + 1.04 * 22.0) / 2.0});
  const std::string row = row_of(made.page, "t5", 0);
  CHECK_THAT(row, ContainsSubstring("<small>" + report::perplexity(0.97 * 23.0) + "\u2013" +
                                    report::perplexity(1.04 * 23.0) + "</small>"));
  CHECK_THAT(section_of(made.page, "All cells"),
             ContainsSubstring(report::perplexity(0.97 * 903.0) + "\u2013" +
                               report::perplexity(1.04 * 903.0)));
  for (const char* form : {"wide", "narrow"}) {
    const std::string start = concat("class=\"plot ", form, "\"");
    CHECK_THAT(made.page.substr(made.page.find(start), made.page.find("</svg>") + 1),
               ContainsSubstring("class=\"whiskers\""));
  }
}

// The same cells as of sliding windows.
void let_windows_overlap(const fs::path& run) {
  const fs::path file = run / "evaluations/test.json";
  Json results = read_json(file);
  for (Json& cell : results["cells"]) cell.update({{"mode", "stride:4"}, {"stride", 4}});
  write_json(file, results);
}

TEST_CASE("the gain of windows that do not overlap has no parts") {
  const TemporaryFolder folder;
  const Made made = make_full(write_full_runs(folder.path()), folder.path());
  const Json& point = made.numbers["gain"][0]["series"][0]["points"][0];
  CHECK(point["fewer_early_tokens_nats"].is_null());
  CHECK(point["longer_context_nats"].is_null());
  const std::string section = section_of(made.page, "Gain over the trained length");
  CHECK_THAT(section,
             ContainsSubstring("<b>" + report::signed_nats(point["total_nats"]) + "</b>") &&
                 !ContainsSubstring("<small>early") &&
                 ContainsSubstring("not defined where windows do not overlap"));
}

TEST_CASE("the gain and its parts are those of the JSON file, of seeds the mean") {
  const TemporaryFolder folder;
  const auto runs = write_full_runs(folder.path());
  for (const RunWriter& run : runs) let_windows_overlap(run.folder);
  const Made made = make_full(runs, folder.path());
  const Json& gain = made.numbers["gain"];
  REQUIRE(gain.size() == 1);
  CHECK(gain[0]["split"] == "test");
  CHECK(gain[0]["mode"] == "stride:4");
  REQUIRE(gain[0]["series"].size() == 2);
  const Json& points = gain[0]["series"][0]["points"];
  REQUIRE(points.size() == 1);
  CHECK(points[0]["x"] == 64);
  CHECK(points[0]["fewer_early_tokens_nats"] == 0.0123 / 2.0 + 0.0246 / 2.0);
  CHECK(points[0]["longer_context_nats"] == -0.25 / 901.0 / 2.0 + -0.25 / 902.0 / 2.0);
  const std::string section = section_of(made.page, "Gain over the trained length");
  for (const Json& series : gain[0]["series"])
    for (const Json& point : series["points"])
      CHECK_THAT(
          section,
          ContainsSubstring("<b>" + report::signed_nats(point["total_nats"]) + "</b><small>early " +
                            report::signed_nats(point["fewer_early_tokens_nats"]) +
                            "</small><small>longer " +
                            report::signed_nats(point["longer_context_nats"]) + "</small>"));
}

TEST_CASE("the loss by context is drawn at the longest length, with the results' own numbers") {
  const TemporaryFolder folder;
  const auto runs = write_full_runs(folder.path());
  const Made made = make_full(runs, folder.path());
  REQUIRE(made.numbers["context"].size() == 1);
  const Json& figure = made.numbers["context"][0];
  CHECK(figure["name"] == "context");
  CHECK(figure["split"] == "test");
  CHECK(figure["mode"] == "nonoverlapping");
  CHECK(figure["marks"] == Json{16.0});
  REQUIRE(figure["series"].size() == 2);
  const Json wanted = runs[2].full_cell(64, 903.0)["loss_by_context"];
  const Json& points = figure["series"][1]["points"];
  REQUIRE(points.size() == wanted.size());
  for (std::size_t i = 0; i < points.size(); ++i) {
    CHECK(points[i]["x"] == wanted[i]["first"]);
    CHECK(points[i]["y"] == wanted[i]["loss_nats"]);
  }
  CHECK_THAT(
      section_of(made.page, "Loss by context"),
      ContainsSubstring("windows of 64 tokens") && ContainsSubstring("\"name\":\"context\""));
  CHECK(fs::exists(folder.path() / "r-context.svg"));
  CHECK(fs::exists(folder.path() / "r-context.png"));
}

TEST_CASE("runs held against another are those of the results, while their models are") {
  const TemporaryFolder folder;
  const auto runs = write_full_runs(folder.path());
  const Made made = make_full(runs, folder.path());
  REQUIRE(made.numbers["paired"].size() == 1);
  const Json& rows = made.numbers["paired"][0]["rows"];
  REQUIRE(rows.size() == 4);
  const std::string section = section_of(made.page, "Runs against another, target by target");
  for (const Json& row : rows) {
    CHECK(row["against"] == "run0");
    const RunWriter& run = row["run"] == "run1" ? runs[1] : runs[2];
    const double wanted = 0.0321 * static_cast<double>(run.seed) -
                          0.001 * static_cast<double>(row["length"].get<std::int64_t>());
    CHECK(row["difference_nats"] == wanted);
    CHECK(row["standard_error"] == 0.0125);
    CHECK(row["p_value"] == 0.04);
    CHECK_THAT(section,
               ContainsSubstring("<b>" + report::signed_nats(wanted) + "</b><small>\u00b1" +
                                 report::fixed(1.959963984540054 * 0.0125, 4) +
                                 "</small><small>p 0.04</small>"));
  }
  CHECK_THAT(section, ContainsSubstring("run2<small>against run0</small>"));

  // Trained on since: its own rows and, when the other one was, all are of models that are gone.
  Json trained = runs[2].full_cell(16, 9.0);
  trained["model_hash"] = "another";
  runs[2].evaluation("test", {trained}, {runs[2].comparison(runs[0], 16, 0.5)});
  CHECK(make_full(runs, folder.path()).numbers["paired"][0]["rows"].size() == 2);
  Json other = runs[0].full_cell(16, 9.0);
  other["model_hash"] = "another";
  runs[0].evaluation("test", {other});
  const Made gone = make_full(runs, folder.path());
  REQUIRE(gone.numbers["paired"][0]["rows"].size() == 1);
  CHECK(gone.numbers["paired"][0]["rows"][0]["length"] == 64);  // there the page lacks the other
}

TEST_CASE("a page of older results has no gain, no contexts and no runs against another") {
  const TemporaryFolder folder;
  const Made made = make(write_runs(folder.path()), folder.path());
  for (const char* heading : {"Gain over the trained length", "Loss by context",
                              "Runs against another, target by target"})
    CHECK(section_of(made.page, heading).empty());
  CHECK(made.numbers["context"].empty());
  CHECK(made.numbers["paired"][0]["rows"].empty());
  CHECK(made.numbers["gain"][0]["series"][0]["points"].empty());
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
  CHECK_THAT(alibi, ContainsSubstring("<b>1.00k</b><small>286 MiB</small>") &&
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
