// Whole reports and the files beside evaluations, with the real gnuplot.
#include "longspan/report/report.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cstdlib>
#include <optional>

#include "longspan/core/error.h"
#include "support/temporary_folder.h"
#include "unit/report/run_writer.h"

namespace longspan {
namespace {

namespace fs = std::filesystem;
using Catch::Matchers::ContainsSubstring;
using testing::RunWriter;
using testing::TemporaryFolder;

RunWriter full_run(const fs::path& folder, const std::string& name, const std::string& method) {
  RunWriter run{folder / name, name, method};
  run.config();
  run.environment();
  run.metrics();
  return run;
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; at += part.size())
    ++found;
  return found;
}

Error error_of(const auto& action) {
  try {
    action();
  } catch (const Error& error) {
    return error;
  }
  FAIL("no error");
  unreachable();
}

TEST_CASE("a report is one page that needs no other file, with plots and data beside it") {
  const TemporaryFolder folder;
  const RunWriter alibi = full_run(folder.path(), "first", "alibi");
  const RunWriter rotary = full_run(folder.path(), "second", "rotary");
  alibi.evaluation("test", {alibi.cell(16, 20.5), alibi.cell(32, 20.25), alibi.cell(64, 20.125)});
  rotary.evaluation("test", {rotary.cell(16, 19.5), rotary.cell(32, 39.0), rotary.cell(64, 156.0)});
  const fs::path output = folder.path() / "made" / "here" / "page.html";
  write_report({alibi.folder, rotary.folder}, output);

  const std::string page = read_file(output);
  for (const char* loaded : {"<link", "src=", "@import", "<img", "fetch(", "import("})
    CHECK(page.find(loaded) == std::string::npos);
  CHECK(count(page, "http") == count(page, "http://www.w3.org/"));
  CHECK(count(page, "url(") == count(page, "url(#"));
  CHECK_THAT(page, ContainsSubstring("<b>alibi</b> at 20.12, 0.98 times its perplexity"));
  CHECK_THAT(page, ContainsSubstring("<b>rotary</b> at 156.0, 8.00 times its perplexity"));
  CHECK_THAT(page, ContainsSubstring("<td class=\"number trained lowest\"><b>19.50</b>"));
  CHECK_THAT(page, ContainsSubstring("trained at 16"));
  CHECK_THAT(page, ContainsSubstring("1.23M"));  // parameters
  CHECK_THAT(page, ContainsSubstring("longspan train &#39;a b.yaml&#39;"));
  CHECK_THAT(page, ContainsSubstring("node&lt;7&gt;"));
  CHECK_THAT(page, ContainsSubstring("abc123"));
  CHECK(page.find("Missing here") == std::string::npos);
  CHECK(page.find("class=\"note\"") == std::string::npos);
  for (const char* figure : {"extrapolation", "training", "validation", "validation-32"}) {
    const fs::path stem = output.parent_path() / concat("page-", figure);
    CHECK_THAT(read_file(stem.string() + ".svg"),
               ContainsSubstring("width=\"") && ContainsSubstring("</svg>"));
    CHECK(read_file(stem.string() + ".png").starts_with("\x89PNG\r\n"));
  }
  CHECK(count(page, "<svg") == count(page, "</svg>"));
}

TEST_CASE("the JSON file has the numbers of the cells, averaged over seeds, bit for bit") {
  const TemporaryFolder folder;
  std::vector<fs::path> runs;
  for (int seed = 1; seed <= 3; ++seed) {
    RunWriter run{folder.path() / std::to_string(seed), concat("s", seed), "t5", 16, seed};
    run.config();
    run.metrics();
    run.evaluation("valid", {run.cell(16, 30.1 + seed), run.cell(48, 31.7 * seed)});
    runs.push_back(run.folder);
  }
  write_report(runs, folder.path() / "r.html");
  const Json document = read_json(folder.path() / "r.json");
  CHECK(document["format"] == "longspan.report/1");
  CHECK(document["runs"].size() == 3);
  REQUIRE(document["extrapolation"].size() == 1);
  const Json& figure = document["extrapolation"][0];
  CHECK(figure["split"] == "valid");
  CHECK(figure["mode"] == "nonoverlapping");
  CHECK(figure["differences"].empty());
  CHECK(figure["marks"] == Json{16.0});
  REQUIRE(figure["series"].size() == 1);
  CHECK(figure["series"][0]["label"] == "t5 (3 seeds)");
  CHECK(figure["series"][0]["runs"] == Json{"s1", "s2", "s3"});
  const Json& points = figure["series"][0]["points"];
  REQUIRE(points.size() == 2);
  CHECK(points[0]["x"] == 16.0);
  CHECK(points[0]["y"] == 31.1 / 3.0 + 32.1 / 3.0 + 33.1 / 3.0);
  CHECK(points[0]["low"] == 31.1);
  CHECK(points[0]["high"] == 33.1);
  const double half = 1.959963984540054 * 0.25;  // the mean of the seeds' intervals
  CHECK(points[0]["interval"] == Json{(31.1 - half + (32.1 - half) + (33.1 - half)) / 3.0,
                                      (31.1 + half + (32.1 + half) + (33.1 + half)) / 3.0});
  CHECK(points[1]["x"] == 48.0);
  CHECK(points[1]["low"] == 31.7);
  CHECK(points[1]["high"] == 31.7 * 3);
  REQUIRE(document["training"].size() == 3);
  CHECK(document["training"][0]["series"].size() == 3);  // a line for each run
  CHECK(document["training"][0]["series"][0]["points"][0]["y"] == 3.5);
  CHECK(document["training"][2]["name"] == "validation-32");
  CHECK(document["training"][2]["series"][0]["points"][0]["y"] == 17.25);
  CHECK_THAT(read_file(folder.path() / "r.html"), ContainsSubstring("mean of 3 seeds"));
}

TEST_CASE("the CSV file has every cell of every run") {
  const TemporaryFolder folder;
  RunWriter run{folder.path() / "run", "a,\"b\"", "alibi"};
  run.config();
  Json other = run.cell(32, 0.1 + 0.2);
  other["ppl_stderr"] = nullptr;
  other["position_overrides"] = {{"scale", 0.5}, {"kind", "x"}};
  other["extra"] = "new\nline";
  run.evaluation("test", {run.cell(16, 20.5), other});
  write_report({run.folder}, folder.path() / "r.html");
  const std::string expected =
      "split,run,checkpoint_step,method,train_length,length,mode,stride,targets,targets_hash,loss_"
      "nats,ppl,ppl_stderr,"
      "word_ppl,bits_per_byte,early_token_loss,full_context_loss,tokens_per_second,peak_bytes,"
      "dtype,position_overrides,extra\n"
      "test,\"a,\"\"b\"\"\",30,alibi,16,16,nonoverlapping,0,777,abc123," +
      Json(std::log(20.5)).dump() +
      ",20.5,0.25,,,,,,,float32,,\n"
      "test,\"a,\"\"b\"\"\",30,alibi,16,32,nonoverlapping,0,777,abc123," +
      Json(std::log(0.1 + 0.2)).dump() +
      ",0.30000000000000004,,,,,,,,float32,scale=0.5; kind=x,\"new\nline\"\n";
  CHECK(read_file(folder.path() / "r.csv") == expected);
}

TEST_CASE("names that mean something to HTML, to gnuplot or to a shell stay names") {
  const TemporaryFolder folder;
  const fs::path trap = folder.path() / "trap";
  const std::vector<std::string> names{"it's <b>&\"x\"_1^2 {a} @m $y %d \\",
                                       concat("`touch ", trap.string(), "`")};
  std::vector<fs::path> runs;
  for (const std::string& name :
       names) {  // of one method but two recipes: their names tell them apart
    RunWriter run{folder.path() / std::to_string(runs.size()), name, "alibi"};
    run.config(concat("note: ", runs.size(), "\n"));
    run.metrics();
    run.evaluation("a 'test' `date`", {run.cell(16, 20.5), run.cell(32, 21.5)});
    runs.push_back(run.folder);
  }
  write_report(runs, folder.path() / "r.html");
  CHECK(!fs::exists(trap));
  const std::string page = read_file(folder.path() / "r.html");
  CHECK(page.find("<b>&\"x\"") == std::string::npos);
  CHECK_THAT(page, ContainsSubstring("it&#39;s &lt;b&gt;&amp;&quot;x&quot;_1^2 {a} @m $y %d \\"));
  const std::string svg = read_file(folder.path() / "r-extrapolation.svg");
  CHECK_THAT(svg, ContainsSubstring(
                      ">alibi, it&#39;s &lt;b&gt;&amp;&quot;x&quot;_1^2 {a} @m $y %d \\</text>"));
  CHECK_THAT(svg, ContainsSubstring(">alibi, `touch /"));
  CHECK_THAT(svg, ContainsSubstring(
                      ">Perplexity on a &#39;test&#39; `date`, non-overlapping windows</text>"));
  const Json document = read_json(folder.path() / "r.json");
  CHECK(document["extrapolation"][0]["series"][0]["label"] == "alibi, " + names[0]);
}

TEST_CASE("cells of differing protocol are drawn with a note on the page and in the plot") {
  const TemporaryFolder folder;
  const RunWriter alibi = full_run(folder.path(), "first", "alibi");
  const RunWriter t5 = full_run(folder.path(), "second", "t5");
  Json other = t5.cell(32, 22.0);
  other["dtype"] = "bfloat16";
  other["targets_hash"] = "def456";
  alibi.evaluation("test", {alibi.cell(16, 20.5), alibi.cell(32, 20.25)});
  t5.evaluation("test", {t5.cell(16, 20.5), other});
  write_report({alibi.folder, t5.folder}, folder.path() / "r.html");
  const std::string page = read_file(folder.path() / "r.html");
  CHECK_THAT(page, ContainsSubstring("These lines were not scored under one protocol"));
  CHECK_THAT(page,
             ContainsSubstring("<li>dtype differs: float32 (alibi, t5, float32, text abc123), "
                               "bfloat16 (t5, bfloat16, text def456)</li>"));
  CHECK_THAT(
      page, ContainsSubstring("<li>targets_hash differs: abc123 (alibi, t5, float32, text abc123), "
                              "def456 (t5, bfloat16, text def456)</li>"));
  CHECK(page.find("class=\"finding\"") == std::string::npos);
  CHECK_THAT(read_file(folder.path() / "r-extrapolation.svg"),
             ContainsSubstring("The protocol differs between the lines: targets_hash, dtype"));
}

TEST_CASE("splits and modes get plots of their own, the test split and plain windows first") {
  const TemporaryFolder folder;
  const RunWriter run = full_run(folder.path(), "first", "alibi");
  Json sliding = run.cell(32, 19.0);
  sliding["mode"] = "stride:4";
  sliding["stride"] = 4;
  run.evaluation("valid", {sliding, run.cell(16, 20.0)});
  run.evaluation("test", {run.cell(16, 21.0)});
  run.evaluation("my text", {run.cell(16, 22.0)});
  write_report({run.folder}, folder.path() / "r.html");
  const Json document = read_json(folder.path() / "r.json");
  std::vector<std::string> names;
  for (const Json& figure : document["extrapolation"]) names.push_back(figure["name"]);
  CHECK(names == std::vector<std::string>{"extrapolation", "extrapolation-valid-nonoverlapping",
                                          "extrapolation-valid-stride-4",
                                          "extrapolation-my-text-nonoverlapping"});
  for (const Json& figure : document["extrapolation"]) CHECK(figure["warning"] == "");
  CHECK(document["extrapolation"][0]["series"][0]["points"][0]["y"] == 21.0);
}

TEST_CASE("a report shows what is there and names what is missing") {
  const TemporaryFolder folder;
  RunWriter bare{folder.path() / "bare", "bare", "none"};
  bare.config();
  RunWriter training{folder.path() / "training", "training", "alibi"};
  training.config();
  training.metrics("{\"step\":40,\"tok");
  write_report({bare.folder, training.folder}, folder.path() / "r.html");
  const std::string page = read_file(folder.path() / "r.html");
  CHECK_THAT(page, ContainsSubstring("Missing here"));
  CHECK_THAT(page, ContainsSubstring("<li>bare has no evaluations"));
  CHECK_THAT(page, ContainsSubstring("<li>bare has no rows in metrics.jsonl"));
  CHECK_THAT(page, ContainsSubstring("<li>bare has no environment.json</li>"));
  CHECK(page.find("training has no rows") == std::string::npos);
  CHECK(!fs::exists(folder.path() / "r-extrapolation.svg"));
  CHECK(fs::exists(folder.path() / "r-training.svg"));
  CHECK(read_json(folder.path() / "r.json")["missing"].size() == 5);
}

TEST_CASE("a perplexity that is not finite is a gap and is said") {
  const TemporaryFolder folder;
  const RunWriter run = full_run(folder.path(), "first", "learned");
  Json diverged = run.cell(64, 1.0);
  diverged["ppl"] = nullptr;
  run.evaluation("test", {run.cell(16, 20.0), diverged});
  write_report({run.folder}, folder.path() / "r.html");
  CHECK_THAT(read_file(folder.path() / "r.html"), ContainsSubstring("not finite"));
  CHECK(read_json(folder.path() / "r.json")["extrapolation"][0]["series"][0]["points"][1]["y"]
            .is_null());

  run.evaluation("test", {diverged});
  write_report({run.folder}, folder.path() / "r.html");
  CHECK(fs::exists(folder.path() / "r-extrapolation.svg"));
}

TEST_CASE("two runs of one name are told apart by their folders, one run given twice is one") {
  const TemporaryFolder folder;
  for (const char* which : {"a", "b"}) RunWriter{folder.path() / which, "twin", "alibi"}.config();
  write_report({folder.path() / "a", folder.path() / "b", folder.path() / "a" / ".." / "a"},
               folder.path() / "r.html");
  const Json runs = read_json(folder.path() / "r.json")["runs"];
  REQUIRE(runs.size() == 2);
  CHECK_THAT(runs[0]["name"].get<std::string>(),
             ContainsSubstring("twin (") && ContainsSubstring("/a)"));
}

TEST_CASE("what is no run, no page or no program is an error of configuration") {
  const TemporaryFolder folder;
  const fs::path output = folder.path() / "r.html";
  const Error nothing = error_of([&] { write_report({}, output); });
  CHECK(nothing.kind() == ErrorKind::Config);
  CHECK_THAT(nothing.what(), ContainsSubstring("at least one run, got none"));

  const Error no_run = error_of([&] { write_report({folder.path()}, output); });
  CHECK(no_run.kind() == ErrorKind::Config);
  CHECK(std::string(no_run.what()) ==
        folder.path().string() +
            ": must be the folder of a run, which holds config.yaml, got a folder without it");
  const Error no_folder = error_of([&] { write_report({folder.path() / "x"}, output); });
  CHECK_THAT(no_folder.what(), ContainsSubstring("got no folder"));

  const Error no_page = error_of([&] { write_report({folder.path()}, folder.path() / "r.txt"); });
  CHECK(no_page.kind() == ErrorKind::Config);
  CHECK_THAT(no_page.what(),
             ContainsSubstring("--output must end in .html, got ") && ContainsSubstring("r.txt"));
  CHECK(!fs::exists(output));
}

class PathVariable {
 public:
  explicit PathVariable(const std::string& value) : before_(std::getenv("PATH")) { set(value); }
  ~PathVariable() { set(before_); }

 private:
  static void set(const std::string& value) { ::setenv("PATH", value.c_str(), 1); }
  std::string before_;
};

TEST_CASE(
    "without gnuplot a report ends with one line that names the package, and writes nothing") {
  const TemporaryFolder folder;
  const RunWriter run = full_run(folder.path(), "first", "alibi");
  const PathVariable path(folder.path().string());
  const Error error = error_of([&] { write_report({run.folder}, folder.path() / "r.html"); });
  CHECK(error.kind() == ErrorKind::Config);
  CHECK_THAT(error.what(), ContainsSubstring("plots need the program gnuplot") &&
                               ContainsSubstring("gnuplot-nox"));
  CHECK(std::string(error.what()).find('\n') == std::string::npos);
  for (const auto& entry : fs::directory_iterator(folder.path())) CHECK(entry.path() == run.folder);
}

TEST_CASE("a terminal's signals do not reach gnuplot") {
  const TemporaryFolder folder;
  const RunWriter run = full_run(folder.path(), "first", "alibi");
  const fs::path program = folder.path() / "gnuplot", told = folder.path() / "groups";
  write_file_durably(program, concat("#!/bin/sh\ncut -d' ' -f1,5 /proc/$$/stat > ", told.string(),
                                     "\nprintf '\\211PNG'\n"));
  fs::permissions(program, fs::perms::owner_all);
  const PathVariable path(folder.path().string() + ":" + std::getenv("PATH"));
  write_report({run.folder}, folder.path() / "r.html");
  const std::string groups = read_file(told);  // its process and its process group
  CHECK(std::stoi(groups) == std::stoi(groups.substr(groups.find(' '))));
}

TEST_CASE("a gnuplot that fails is an error with what it said") {
  const TemporaryFolder folder;
  const RunWriter run = full_run(folder.path(), "first", "alibi");
  const fs::path program = folder.path() / "gnuplot";
  write_file_durably(program, "#!/bin/sh\necho 'first line' >&2\necho 'second' >&2\nexit 3\n");
  fs::permissions(program, fs::perms::owner_all);
  const PathVariable path(folder.path().string() + ":" + std::getenv("PATH"));
  const Error error = error_of([&] { write_report({run.folder}, folder.path() / "r.html"); });
  CHECK(error.kind() == ErrorKind::Config);
  CHECK_THAT(error.what(), ContainsSubstring("got exit status 3: first line second"));
}

TEST_CASE("an evaluation gets its plot and its table beside it") {
  const TemporaryFolder folder;
  const RunWriter run{folder.path(), "first", "alibi"};
  Json sliding = run.cell(32, 19.0);
  sliding["mode"] = "stride:4";
  sliding["stride"] = 4;
  const fs::path json = run.evaluation("valid", {run.cell(16, 20.0), run.cell(32, 20.5), sliding});
  write_evaluation_plot(json);
  write_evaluation_csv(json);
  const std::string svg = read_file(folder.path() / "evaluations" / "valid.svg");
  CHECK_THAT(svg, ContainsSubstring(">alibi, nonoverlapping</text>") &&
                      ContainsSubstring(">alibi, stride 4</text>"));
  CHECK(svg.find("protocol differs") == std::string::npos);
  const std::string csv = read_file(folder.path() / "evaluations" / "valid.csv");
  CHECK(count(csv, "\n") == 4);
  CHECK_THAT(csv, ContainsSubstring("\nvalid,first,30,alibi,16,32,stride:4,4,777,abc123,"));

  const Error empty = error_of([&] { write_evaluation_plot(run.evaluation("test", {})); });
  CHECK(empty.kind() == ErrorKind::Data);
  CHECK_THAT(empty.what(), ContainsSubstring("test.json: cells must not be empty"));
}

TEST_CASE("a report does not depend on when or where it is made") {
  const TemporaryFolder folder;
  const RunWriter run = full_run(folder.path(), "first", "alibi");
  run.evaluation("test", {run.cell(16, 20.0), run.cell(32, 20.5)});
  write_report({run.folder}, folder.path() / "a" / "r.html");
  write_report({run.folder}, folder.path() / "b" / "r.html");
  for (const char* name :
       {"r.html", "r.json", "r.csv", "r-extrapolation.svg", "r-extrapolation.png"})
    CHECK(read_file(folder.path() / "a" / name) == read_file(folder.path() / "b" / name));
}

}  // namespace
}  // namespace longspan
