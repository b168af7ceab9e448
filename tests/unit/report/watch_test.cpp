// The page that follows its runs: when it is written, and what becomes of runs that vanish or are
// damaged meanwhile.
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "longspan/core/error.h"
#include "longspan/report/report.h"
#include "support/temporary_folder.h"
#include "unit/report/run_writer.h"

namespace longspan {
namespace {

namespace fs = std::filesystem;
using Catch::Matchers::ContainsSubstring;
using testing::RunWriter;
using testing::TemporaryFolder;

// Two runs and a page of them.
struct Watched {
  TemporaryFolder folder;
  RunWriter alibi{folder.path() / "alibi", "first", "alibi"};
  RunWriter t5{folder.path() / "t5", "second", "t5"};
  fs::path page = folder.path() / "r.html";
  ReportWatch watch;

  Watched() : watch(made(), page, std::nullopt, 7) {}

  std::string html() const { return read_file(page); }
  /// Returns whether a look writes the page; it must have nothing to tell.
  bool is_written() {
    fs::remove(page);
    CHECK(watch.look().empty());
    return fs::exists(page);
  }

 private:
  std::vector<fs::path> made() const {
    for (const RunWriter* run : {&alibi, &t5}) {
      run->config();
      run->environment();
      run->metrics();
      run->evaluation("test", {run->cell(16, 20.5), run->cell(32, 30.25)});
    }
    return {alibi.folder, t5.folder, folder.path() / "t5" / ".." / "alibi"};
  }
};

TEST_CASE("a watched page loads itself anew, with a script and without, until it is finished") {
  Watched watched;
  watched.watch.look();
  CHECK_THAT(watched.html(), ContainsSubstring("<html lang=\"en\" data-reload=\"7\">"));
  CHECK_THAT(watched.html(),
             ContainsSubstring("<noscript><meta http-equiv=\"refresh\" content=\"7\"></noscript>"));
  CHECK_THAT(watched.html(), ContainsSubstring("Loads itself anew every 7 s"));
  watched.watch.finish();
  const std::string still = watched.html();
  CHECK(still.find("data-reload") == std::string::npos);
  CHECK(still.find("http-equiv") == std::string::npos);
  write_report({watched.alibi.folder, watched.t5.folder}, watched.page);
  CHECK(still == watched.html());
}

TEST_CASE("a watched page is written after each change of what it shows, and only then") {
  Watched watched;
  CHECK(watched.is_written());
  CHECK_FALSE(watched.is_written());
  write_file_durably(watched.alibi.folder / "log.txt", "not read by a report");
  CHECK_FALSE(watched.is_written());
  watched.t5.metrics("{\"step\":40,\"tok");  // as a process that is writing leaves it
  CHECK(watched.is_written());
  watched.t5.metrics("{\"step\":40,\"tokens\":2560,\"train/loss\":1.5}\n");
  CHECK(watched.is_written());
  CHECK_THAT(read_file(watched.folder.path() / "r.json"), ContainsSubstring("\"x\":40"));
  watched.alibi.environment();
  CHECK(watched.is_written());
  watched.alibi.evaluation("valid", {watched.alibi.cell(16, 3.0)});
  CHECK(watched.is_written());
  CHECK_THAT(watched.html(), ContainsSubstring("Perplexity on valid"));
  CHECK_FALSE(watched.is_written());
}

TEST_CASE("a watched run that vanishes stays on the page, is told once, and may come back") {
  Watched watched;
  watched.watch.look();
  fs::rename(watched.t5.folder, watched.folder.path() / "away");
  const std::string problem =
      concat(watched.t5.folder.string(),
             ": must be the folder of a run, which holds config.yaml, got no folder");
  CHECK(watched.watch.look() == std::vector<std::string>{problem});
  CHECK_THAT(watched.html(), ContainsSubstring("second is shown as it was read last: " + problem) &&
                                 ContainsSubstring("30.25"));
  CHECK(watched.watch.look().empty());
  watched.alibi.evaluation("valid", {watched.alibi.cell(16, 3.0)});
  CHECK(watched.watch.look().empty());
  CHECK_THAT(watched.html(), ContainsSubstring("Perplexity on valid"));
  fs::rename(watched.folder.path() / "away", watched.t5.folder);
  CHECK(watched.watch.look().empty());
  CHECK_THAT(watched.html(), !ContainsSubstring("as it was read last"));
  fs::remove_all(watched.t5.folder);
  CHECK(watched.watch.look() == std::vector<std::string>{problem});
  fs::remove_all(watched.alibi.folder);
  watched.watch.finish();
  CHECK_THAT(watched.html(), ContainsSubstring("first is shown as it was read last") &&
                                 ContainsSubstring("second is shown as it was read last") &&
                                 !ContainsSubstring("data-reload") && ContainsSubstring("</html>"));
}

TEST_CASE("a file that is half written leaves its run as it was read last, until it is whole") {
  Watched watched;
  watched.watch.look();
  const fs::path file = watched.alibi.evaluation(
      "test", {watched.alibi.cell(16, 20.5), watched.alibi.cell(64, 77.5)});
  const std::string whole = read_file(file);
  write_file_durably(file, whole.substr(0, whole.size() / 2));
  const std::vector<std::string> problems = watched.watch.look();
  REQUIRE(problems.size() == 1);
  CHECK_THAT(problems[0], ContainsSubstring("alibi/evaluations/test.json:"));
  CHECK(problems[0].find('\n') == std::string::npos);
  CHECK_THAT(watched.html(), ContainsSubstring("first is shown as it was read last") &&
                                 ContainsSubstring("30.25") && !ContainsSubstring("77.50"));
  write_file_durably(file, whole);
  CHECK(watched.watch.look().empty());
  CHECK_THAT(watched.html(),
             !ContainsSubstring("as it was read last") && ContainsSubstring("77.50"));
}

TEST_CASE("a page that cannot be written is told once, stays, and is written when it can be") {
  Watched watched;
  watched.watch.look();
  const fs::path svg = watched.folder.path() / "r-extrapolation.svg";
  fs::remove(svg);
  fs::create_directories(svg / "in the way");
  watched.alibi.evaluation("test", {watched.alibi.cell(16, 77.5)});
  const std::string before = watched.html();
  CHECK(watched.watch.look().size() == 1);
  CHECK(watched.watch.look().empty());
  CHECK(watched.html() == before);
  fs::remove_all(svg);
  CHECK(watched.watch.look().empty());
  CHECK_THAT(watched.html(), ContainsSubstring("77.50"));
}

TEST_CASE("a watch that cannot begin is an error") {
  const TemporaryFolder folder;
  const auto kind_of = [](const auto& work) {
    try {
      work();
    } catch (const Error& error) {
      return error.kind();
    }
    return ErrorKind::Internal;
  };
  const fs::path page = folder.path() / "r.html";
  CHECK(kind_of([&] { ReportWatch({}, page, std::nullopt, 1); }) == ErrorKind::Config);
  CHECK(kind_of([&] { ReportWatch({folder.path()}, folder.path() / "r.txt", std::nullopt, 1); }) ==
        ErrorKind::Config);
  CHECK(kind_of([&] { ReportWatch({folder.path()}, page, std::nullopt, 1).look(); }) ==
        ErrorKind::Config);
  const RunWriter run{folder.path() / "run", "damaged", "alibi"};
  run.config();
  write_file_durably(run.folder / "metrics.jsonl", "{\"step\": }\n{\"step\": 2}\n");
  CHECK(kind_of([&] { ReportWatch({run.folder}, page, std::nullopt, 1).look(); }) ==
        ErrorKind::Data);
  CHECK_FALSE(fs::exists(page));
}

}  // namespace
}  // namespace longspan
