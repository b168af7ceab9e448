// What becomes of a result or a log that nobody can be given: a full device, a closed descriptor,
// a reader that has gone.

#include <sys/wait.h>

#include <cstdlib>

#include "longspan/core/error.h"
#include "support/paths.h"
#include "support/tiny_run.h"
#include "support/torch_catch.h"

namespace longspan {
namespace {

using Catch::Matchers::ContainsSubstring;
using testing::TinyRun;
using Words = std::vector<std::string>;

// Runs the program with its streams as the shell is told, for example ">/dev/full". What it writes
// to stderr goes to a file unless that is redirected too.
testing::Finished run_with(const TinyRun& tiny, const Words& words, const std::string& streams) {
  const auto err = tiny.path("redirected.txt");
  std::string command = concat("set -o pipefail; '", testing::program_file().string(), "'");
  for (const auto& word : words) command += " '" + word + "'";
  command = concat("bash -c \"", command, " 2>'", err.string(), "' ", streams, "\"");
  const int status = std::system(command.c_str());
  REQUIRE(WIFEXITED(status));
  return {WEXITSTATUS(status), "", read_file(err)};
}

void check_refused(const TinyRun& tiny, const Words& words, const std::string& streams) {
  const auto result = run_with(tiny, words, streams);
  INFO(words.front() << " " << words.back() << " " << streams << "\n" << result.err);
  CHECK(result.code == 3);
  CHECK_THAT(result.err, ContainsSubstring("longspan: error: standard output: cannot "));
}

Words with_json(Words words) {
  words.emplace_back("--json");
  return words;
}

TEST_CASE("a result that cannot be written is an error of every verb") {
  const TinyRun tiny;
  const auto run = tiny.path("run").string(), config = tiny.config().string();
  REQUIRE(tiny.train("run").code == 0);
  write_file_durably(tiny.path("sweep.yaml"),
                     "name: one\nbase: tiny.yaml\ngrid: {seed: [7]}\n"
                     "evaluate: {lengths: '16', modes: [nonoverlapping], splits: [valid]}\n");
  const Words evaluate{"evaluate", run, "--lengths", "16", "--threads", "1"};
  const Words sweep{"sweep",     tiny.path("sweep.yaml").string(),
                    "--output",  tiny.path("out").string(),
                    "--threads", "1"};
  Words dry_run = sweep;
  dry_run.emplace_back("--dry-run");
  for (const auto& words :
       {Words{"--version"}, Words{"--help"}, Words{"plan", "--help"}, Words{"prepare", config},
        Words{"plan", config}, Words{"inspect", run}, evaluate, tiny.train_arguments("run"), sweep,
        dry_run, Words{"report", run, "--output", tiny.path("r.html").string()}})
    check_refused(tiny, words, ">/dev/full");
  const Words devices{"plan", config, "--tokens-per-second", "1000", "--devices", "8"};
  for (const auto& words : {Words{"prepare", config}, Words{"plan", config}, Words{"inspect", run},
                            evaluate, tiny.train_arguments("run"), devices})
    check_refused(tiny, with_json(words), ">/dev/full");
  for (const auto& words : {Words{"--version"}, with_json(evaluate), Words{"plan", config},
                            tiny.train_arguments("run")})
    check_refused(tiny, words, ">&-");
}

TEST_CASE("a result of several processes that cannot be written is an error too") {
  const TinyRun tiny;
  const auto result = run_with(tiny, tiny.train_arguments("run", {"--processes", "2"}), ">&-");
  INFO(result.err);
  CHECK(result.code == 3);
  CHECK_THAT(result.err, ContainsSubstring("standard output: cannot "));
}

TEST_CASE("a reader that goes does not take the run along") {
  const TinyRun tiny;
  const auto to_gone_reader = [&](const Words& words, const std::string& streams) {
    return run_with(tiny, words, streams + " | true");
  };
  const auto result = to_gone_reader(tiny.train_arguments("result"), "");
  INFO(result.err);
  CHECK(result.code == 3);
  CHECK_THAT(result.err, ContainsSubstring("standard output: cannot write: Broken pipe"));
  CHECK(tiny.run({"inspect", tiny.path("result").string(), "--verify"}).code == 0);
  // stderr alone goes to the reader: the result can be written, so all is well.
  const auto log = to_gone_reader(tiny.train_arguments("log"),
                                  concat("2>&1 >'", tiny.path("out.txt").string(), "'"));
  CHECK(log.code == 0);
  CHECK(read_file(tiny.path("out.txt")) == tiny.path("log").string() + "\n");
  CHECK(std::filesystem::exists(tiny.path("log/checkpoints/step-000000020")));
}

TEST_CASE("a log that cannot be written neither ends a run nor lands in its files") {
  const TinyRun tiny;
  REQUIRE(tiny.train("run").code == 0);
  for (const std::string streams :
       {">/dev/null 2>/dev/full", ">/dev/null 2>&-", "<&- >/dev/null 2>&-"}) {
    INFO(streams);
    const auto folder = tiny.path("again");
    std::filesystem::remove_all(folder);
    std::filesystem::remove_all(tiny.path("shards"));
    CHECK(run_with(tiny, tiny.train_arguments("again"), streams).code == 0);
    CHECK(testing::stable_rows(folder) == testing::stable_rows(tiny.path("run")));
    CHECK(testing::checkpoint_file(folder, 20, "model.safetensors") ==
          testing::checkpoint_file(tiny.path("run"), 20, "model.safetensors"));
    CHECK(tiny.run({"inspect", tiny.path("shards").string(), "--verify"}).code == 0);
  }
}

}  // namespace
}  // namespace longspan
