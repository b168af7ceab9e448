// What a disk or a file server answers: an error of the disk, a handle that is stale, a file system
// that turned read-only, a quota that is used up. support/failing_calls.cpp puts them in the way of
// the program's calls.

#include <cerrno>
#include <cstdlib>
#include <fstream>

#include "longspan/checkpoint/checkpoint.h"
#include "longspan/core/error.h"
#include "support/tiny_run.h"
#include "support/torch_catch.h"

namespace longspan {
namespace {

namespace fs = std::filesystem;
using Catch::Matchers::ContainsSubstring;
using testing::Finished;
using testing::TinyRun;
using Words = std::vector<std::string>;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kIsSanitized = true;
#else
constexpr bool kIsSanitized = false;
#endif

constexpr const char *kNotSaved = "not saved; training goes on",
                     *kNoMetrics = "metrics are not written; training goes on";

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; ++at) ++count;
  return count;
}

struct Failure {
  std::string calls;  // see support/failing_calls.cpp
  int number;
  fs::path path;
  int after = 0;           // so many go well first
  std::string count = {};  // "": all fail then
};

// A tiny run whose calls fail.
class FailingRun {
 public:
  FailingRun() {
    if (kIsSanitized) SKIP("a preloaded library and the runtime of a sanitizer exclude each other");
    REQUIRE(fs::exists(library()));
  }

  const TinyRun tiny;
  fs::path run() const { return tiny.path("run"); }
  fs::path checkpoints() const { return run() / "checkpoints"; }

  Finished train(const Words& more = {}) const {
    Words words{"--set", "validate.every_steps=0", "--set", "checkpoint.keep_best=\"\""};
    words.insert(words.end(), more.begin(), more.end());
    return tiny.train("run", words);
  }
  Finished train_failing(const Failure& failure, const Words& more = {}) const {
    const std::vector<std::pair<const char*, std::string>> variables{
        {"LD_PRELOAD", library().string()},
        {"LONGSPAN_FAIL_CALLS", failure.calls},
        {"LONGSPAN_FAIL_ERRNO", std::to_string(failure.number)},
        {"LONGSPAN_FAIL_PATH", failure.path.string()},
        {"LONGSPAN_FAIL_AFTER", std::to_string(failure.after)},
        {"LONGSPAN_FAIL_COUNT", failure.count},
        {"LONGSPAN_FAIL_RECORD", tiny.path("record").string()}};
    fs::remove(tiny.path("record"));
    for (const auto& [name, value] : variables) ::setenv(name, value.c_str(), 1);
    const Finished finished = train(more);
    for (const auto& [name, value] : variables) ::unsetenv(name);
    return finished;
  }
  // Returns the calls that failed, in their order.
  Words failed_calls() const {
    Words calls;
    std::ifstream file(tiny.path("record"));
    for (std::string call, path; file >> call >> path;) calls.push_back(call);
    return calls;
  }
  std::vector<std::int64_t> steps() const {
    std::vector<std::int64_t> steps;
    for (const auto& folder : list_checkpoints(run())) steps.push_back(checkpoint_step(folder));
    return steps;
  }
  void check_nothing_is_left_over() const {
    if (!fs::exists(checkpoints())) return;
    for (const auto& entry : fs::directory_iterator(checkpoints()))
      CHECK(entry.path().extension() == "");  // no .staged, no .removed
  }

 private:
  static fs::path library() {
    return testing::program_file().parent_path().parent_path() / "tests/support/failing_calls.so";
  }
};

void check_one_line(const std::string& text, const std::string& part) {
  CHECK_THAT(text, ContainsSubstring("longspan: error: ") && ContainsSubstring(part));
  CHECK(count_of(text, "\n") == 1);
}

const std::vector<std::pair<const char*, int>> kNumbers{
    {"Input/output error", EIO},
    {"Stale file handle", ESTALE},
    {"Read-only file system", EROFS},
    {"Disk quota exceeded", EDQUOT},
};

const Words kQuiet{"--quiet"};
const Words kManySaves{"--set", "checkpoint={every_steps: 2, keep_last: 3, keep_best: \"\"}"};

TEST_CASE("failing calls: saves that fail at each call do not end a run, and are made up for") {
  for (const auto& [text, number] : kNumbers) {
    CAPTURE(text);
    const FailingRun failing;
    const auto result = failing.train_failing(
        {"mkdir,open,write,fsync,rename", number, failing.checkpoints(), 0, "1"}, kManySaves);
    INFO(result.err);
    CHECK(result.code == 0);
    CHECK(failing.failed_calls() == Words{"mkdir", "open", "write", "fsync", "rename"});
    CHECK(count_of(result.err, kNotSaved) == 1);
    CHECK_THAT(result.err, ContainsSubstring(text));
    CHECK(failing.steps() == std::vector<std::int64_t>{16, 18, 20});
    failing.check_nothing_is_left_over();
    CHECK(failing.tiny.run({"inspect", failing.run().string(), "--verify"}).code == 0);
  }
}

TEST_CASE("failing calls: a run that never can save ends with 4, and leaves no half of a save") {
  const Words calls{"mkdir", "write", "fsync", "rename"};
  for (std::size_t i = 0; i < kNumbers.size(); ++i) {
    CAPTURE(kNumbers[i].first, calls[i]);
    const FailingRun failing;
    const auto result =
        failing.train_failing({calls[i], kNumbers[i].second, failing.checkpoints()}, kManySaves);
    INFO(result.err);
    CHECK(result.code == 4);
    CHECK(failing.failed_calls().size() >= 10);
    CHECK(count_of(result.err, kNotSaved) == 1);
    CHECK(count_of(result.err, "longspan: error: ") == 1);
    CHECK_THAT(result.err, ContainsSubstring(kNumbers[i].first));
    CHECK(failing.steps().empty());
    failing.check_nothing_is_left_over();
  }
}

TEST_CASE("failing calls: a run that cannot save at its end ends with 4, and earlier saves stand") {
  const FailingRun failing;
  const auto result =
      failing.train_failing({"fsync", ESTALE, failing.checkpoints(), 60}, kManySaves);
  INFO(result.err);
  CHECK(result.code == 4);
  CHECK(count_of(result.err, kNotSaved) == 1);
  CHECK_THAT(result.err,
             ContainsSubstring("longspan: error: checkpoint of step 20 must be saved") &&
                 ContainsSubstring("earlier checkpoints stand"));
  REQUIRE_FALSE(failing.steps().empty());
  CHECK(failing.steps().back() < 20);
  failing.check_nothing_is_left_over();
  CHECK(failing.tiny.run({"inspect", failing.run().string(), "--verify"}).code == 0);
}

TEST_CASE("failing calls: rows and the log that fail do not end a run, and no row is lost") {
  for (const auto& [text, number] : kNumbers) {
    CAPTURE(text);
    const FailingRun failing;
    const auto rows = failing.train_failing({"write", number, failing.run() / "metrics", 2, "3"});
    INFO(rows.err);
    CHECK(rows.code == 0);
    CHECK(failing.failed_calls().size() == 3);
    CHECK(count_of(rows.err, kNoMetrics) == 1);
    CHECK(testing::stable_rows(failing.run()).size() == 10);
  }
  const FailingRun failing;
  const auto log = failing.train_failing({"write", EIO, failing.run() / "log.txt"});
  CHECK(log.code == 0);
  CHECK(count_of(log.err, "going on without the log file") == 1);
  CHECK(failing.failed_calls().size() == 1);
  const FailingRun tensorboard;
  const auto events =
      tensorboard.train_failing({"write", EIO, tensorboard.run() / "events", 2, "1"});
  CHECK(events.code == 0);
  CHECK(count_of(events.err, kNoMetrics) == 1);
  CHECK(tensorboard.failed_calls().size() == 1);
}

TEST_CASE("failing calls: shards that cannot be read end a run with 3, and are not made again") {
  const FailingRun failing;
  REQUIRE(failing.train().code == 0);
  const fs::path shards = failing.tiny.path("shards");
  const auto made = fs::last_write_time(shards / "manifest.json");
  const std::vector<std::pair<const char*, const char*>> cases{
      {"open", "manifest.json"},   {"read", "manifest.json"},    {"stat", "manifest.json"},
      {"open", "train-00000.bin"}, {"touch", "train-00000.bin"}, {"open", "tokenizer"},
      {"read", "tokenizer"}};
  for (const auto& [text, number] : {kNumbers[0], kNumbers[1]}) {
    for (const auto& [call, file] : cases) {
      CAPTURE(text, call, file);
      const auto result = failing.train_failing({call, number, shards / file},
                                                {"--quiet", "--set", "train.max_steps=25"});
      CHECK_FALSE(failing.failed_calls().empty());
      CHECK(result.code == 3);
      check_one_line(result.err, call == std::string("touch") ? "cannot be read: the disk" : text);
    }
  }
  CHECK(fs::last_write_time(shards / "manifest.json") == made);
}

TEST_CASE("failing calls: a checkpoint that cannot be read is left for the one before it") {
  const FailingRun failing;
  REQUIRE(failing.train().code == 0);
  const fs::path newest = failing.checkpoints() / "step-000000020";
  for (const auto& [text, number] : {kNumbers[0], kNumbers[1]}) {
    for (const auto* call : {"open", "read", "touch"}) {
      CAPTURE(text, call);
      const auto result = failing.train_failing({call, number, newest, 0, "1"}, kQuiet);
      INFO(result.err);
      CHECK(failing.failed_calls().size() == 1);
      CHECK(result.code == 0);
      CHECK(count_of(result.err, "checkpoint is damaged, going back to the one before it") == 1);
      CHECK(count_of(result.err, "\n") == 1);
      const auto none =
          failing.train_failing({call, number, failing.checkpoints() / "step-"}, kQuiet);
      CHECK(none.code == 4);
      CHECK(count_of(none.err, "longspan: error: ") == 1);
      CHECK(failing.steps().back() == 20);
    }
  }
}

}  // namespace
}  // namespace longspan
