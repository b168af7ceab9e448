// report --watch beside a run that goes on: the page follows it, and a signal leaves a whole one.

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <chrono>
#include <csignal>

#include "longspan/core/error.h"
#include "support/tiny_run.h"
#include "unit/report/run_writer.h"

namespace longspan {
namespace {

using Catch::Matchers::ContainsSubstring;
using testing::RunWriter;
using testing::TinyRun;

struct Watched {
  TinyRun tiny;
  RunWriter run{tiny.path("run"), "watched", "alibi"};

  Watched() {
    run.config();
    run.environment();
    run.metrics();
  }
  std::vector<std::string> words(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> all{"report", run.folder.string(), "--output",
                                 tiny.path("r.html").string()};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  std::string text(const std::string& name) const {
    const auto file = tiny.path(name);
    return std::filesystem::exists(file) ? read_file(file) : "";
  }
  std::string page() const { return text("r.html"); }
};

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST_CASE("a watched report follows its runs, and each stop signal leaves one that stays") {
  for (const int signal : {SIGINT, SIGTERM}) {
    const Watched watched;
    testing::Program program(watched.words({"--watch", "--every", "1"}), watched.tiny.path("."));
    program.wait_until([&] { return contains(watched.page(), "</html>"); });
    CHECK(contains(watched.page(), "<html lang=\"en\" data-reload=\"1\">"));
    CHECK_FALSE(contains(watched.page(), "Perplexity on test"));
    watched.run.evaluation("test", {watched.run.cell(16, 20.5), watched.run.cell(32, 30.25)});
    program.wait_until([&] { return contains(watched.page(), "Perplexity on test"); });
    CHECK(contains(watched.page(), "data-reload"));
    program.send(SIGUSR1);  // what saves a run is nothing here
    program.send(signal);
    const auto ended = program.wait();
    INFO(ended.err);
    CHECK(ended.code == 128 + signal);
    CHECK(ended.out == watched.tiny.path("r.html").string() + "\n");
    CHECK_FALSE(contains(watched.page(), "data-reload"));
    CHECK_THAT(watched.page(),
               ContainsSubstring("Perplexity on test") && ContainsSubstring("</html>"));
    CHECK(std::count(ended.err.begin(), ended.err.end(), '\n') == 1);
    CHECK_THAT(ended.err, ContainsSubstring("until a signal (Ctrl-C) ends it") &&
                              ContainsSubstring("every_seconds=1"));
  }
}

TEST_CASE("a watched page is left alone while nothing changes") {
  const Watched watched;
  testing::Program program(watched.words({"--watch", "--every", "1"}), watched.tiny.path("."));
  program.wait_until([&] { return contains(watched.text("stderr.txt"), "every_seconds"); });
  const auto written = std::filesystem::last_write_time(watched.tiny.path("r.html"));
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(2500);
  program.wait_until([&] { return std::chrono::steady_clock::now() > end; });
  CHECK_FALSE(program.has_ended());
  CHECK(std::filesystem::last_write_time(watched.tiny.path("r.html")) == written);
}

TEST_CASE("a watched run that is damaged or vanishes is said once, and the watch goes on") {
  const Watched watched;
  testing::Program program(watched.words({"--watch", "--every", "1"}), watched.tiny.path("."));
  program.wait_until([&] { return contains(watched.text("stderr.txt"), "every_seconds"); });
  write_file_durably(watched.run.folder / "metrics.jsonl", "{\"step\": }\n{\"step\": 2}\n");
  program.wait_until([&] { return contains(watched.page(), "as it was read last"); });
  std::filesystem::remove_all(watched.run.folder);
  program.wait_until([&] { return contains(watched.page(), "got no folder"); });
  CHECK_FALSE(program.has_ended());
  program.send(SIGINT);
  const auto ended = program.wait();
  INFO(ended.err);
  CHECK(ended.code == 130);
  CHECK(std::count(ended.err.begin(), ended.err.end(), '\n') == 3);
  CHECK_THAT(ended.err, ContainsSubstring("the page shows what was read before") &&
                            ContainsSubstring("metrics.jsonl:1") &&
                            ContainsSubstring("got no folder"));
  CHECK_THAT(watched.page(), ContainsSubstring("watched is shown as it was read last") &&
                                 ContainsSubstring("</html>") && !ContainsSubstring("data-reload"));
}

TEST_CASE("a watch that cannot begin ends with the error of a report") {
  const Watched watched;
  write_file_durably(watched.run.folder / "metrics.jsonl", "{\"step\": }\n{\"step\": 2}\n");
  const auto ended = watched.tiny.run(watched.words({"--watch", "--every", "1"}));
  CHECK(ended.code == 3);
  CHECK_THAT(ended.err, ContainsSubstring("metrics.jsonl:1"));
  CHECK(watched.page().empty());
}

double last_step(const std::string& numbers) {
  if (numbers.empty()) return -1;
  return Json::parse(numbers)["training"][0]["series"][0]["points"].back()["x"];
}

TEST_CASE("a watched report follows a run that trains, and its evaluation") {
  const TinyRun tiny;
  make_folder(tiny.path("watch"));
  testing::Program training(
      tiny.train_arguments(
          "run", {"--set", "train.max_steps=1000000", "--set", "checkpoint={every_steps: 50}",
                  "--set", "validate.every_steps=50", "--quiet"}),
      tiny.path("."));
  training.wait_until([&] { return std::filesystem::exists(tiny.path("run/checkpoints/best")); });
  testing::Program watch({"report", tiny.path("run").string(), "--output",
                          tiny.path("watch/r.html").string(), "--watch", "--every", "1", "--json"},
                         tiny.path("watch"));
  const auto text = [&](const char* name) {
    const auto file = tiny.path(name);
    return std::filesystem::exists(file) ? read_file(file) : "";
  };
  watch.wait_until([&] { return contains(text("watch/r.html"), "</html>"); });
  const double first = last_step(text("watch/r.json"));
  CHECK(first > 0);
  watch.wait_until([&] { return last_step(text("watch/r.json")) > first; });
  CHECK_FALSE(training.has_ended());
  make_folder(tiny.path("evaluate"));
  const auto evaluated = testing::longspan_program(
      {"evaluate", tiny.path("run").string(), "--lengths", "16,32", "--threads", "1"},
      tiny.path("evaluate"));
  INFO(evaluated.err);
  CHECK(evaluated.code == 0);
  watch.wait_until([&] { return contains(text("watch/r.html"), "Perplexity on valid"); });
  watch.send(SIGINT);
  const auto ended = watch.wait();
  INFO(ended.err);
  CHECK(ended.code == 130);
  CHECK(Json::parse(ended.out) == Json{{"report", tiny.path("watch/r.html").string()}});
  CHECK_THAT(text("watch/r.html"), ContainsSubstring("Perplexity on valid") &&
                                       !ContainsSubstring("data-reload") &&
                                       ContainsSubstring("</html>"));
  CHECK_FALSE(training.has_ended());
  training.send(SIGTERM);
  CHECK(training.wait().code == 143);
}

TEST_CASE("the options of a watch are checked and explained") {
  const Watched watched;
  const auto without = watched.tiny.run(watched.words({"--every", "3"}));
  CHECK(without.code == 2);
  CHECK_THAT(without.err, ContainsSubstring("--watch"));
  CHECK(watched.tiny.run(watched.words({"--watch", "--every", "0"})).code == 2);
  CHECK(watched.page().empty());
  const auto help = watched.tiny.run({"report", "--help"});
  CHECK_THAT(help.out, ContainsSubstring("--watch") && ContainsSubstring("--every"));
}

}  // namespace
}  // namespace longspan
