// Verbs that a signal ends: one line, 128 + its number, nothing that looks whole and is not, and
// what is done stays.

#include <chrono>
#include <csignal>
#include <fstream>
#include <sstream>
#include <thread>

#include "longspan/core/error.h"
#include "support/tiny_run.h"
#include "support/torch_catch.h"

namespace longspan {
namespace {

using Catch::Matchers::ContainsSubstring;
using testing::TinyRun;
namespace fs = std::filesystem;

// A model whose files take some time to write, after one step.
const std::vector<std::string> kLargeModel{
    "--set",
    "model={num_layers: 4, d_model: 1024, num_heads: 8, ffn_dim: 4096, bias: false, "
    "activation: gelu, embedding: {scale: false}}",
    "--set",
    "train={max_steps: 1, batch_tokens: 16, micro_batch_tokens: 16}",
    "--set",
    "validate={every_steps: 0, lengths: [16], max_targets: 16}",
    "--set",
    "checkpoint.check_loss=false"};
// A text whose cells of stride 1 at great lengths take minutes.
const std::string kLargeValid =
    "data.valid={synthetic: {seed: 2, num_articles: 600, vocab_words: 200}}";
const std::vector<std::string> kQuickThenLong{"--lengths", "16,4096", "--mode", "stride:16"};

// The child of a fork, until it becomes the program, has the handlers of this one.
bool catches(pid_t program, int signal) {
  std::error_code ended;
  if (fs::read_symlink(concat("/proc/", program, "/exe"), ended) ==
      fs::read_symlink("/proc/self/exe"))
    return false;
  std::ifstream status(concat("/proc/", program, "/status"));
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("SigCgt:"))
      return (std::stoull(line.substr(7), nullptr, 16) >> (signal - 1) & 1) != 0;
  return false;
}

// Whether a process that runs was given this path or one below it.
bool is_argument_of_a_process(const fs::path& path) {
  for (const auto& process : fs::directory_iterator("/proc")) {
    std::ifstream arguments(process.path() / "cmdline");
    for (std::string word; std::getline(arguments, word, '\0');)
      if (word.starts_with(path.string())) return true;
  }
  return false;
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

void check_ended(const testing::Finished& ended, int signal) {
  INFO(ended.err);
  CHECK(ended.code == 128 + signal);
  CHECK(count(ended.err, signal == SIGINT ? " ended by SIGINT: " : " ended by SIGTERM: ") == 1);
  CHECK(count(ended.err, "error") == 0);
}

void check_ended(const testing::Finished& ended, int signal, const fs::path& folder) {
  check_ended(ended, signal);
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    CAPTURE(entry.path().string());
    CHECK_FALSE((name.ends_with(".staged") || name.ends_with(".tmp")));
  }
}

// Starts a verb, and sends the signal once the verb would end by it in order and is as far as a
// test wants.
testing::Finished interrupt(
    const TinyRun& tiny, const std::vector<std::string>& words, int signal,
    const std::function<bool()>& is_there = [] { return true; }) {
  testing::Program program(words, tiny.path("."));
  program.wait_until([&] { return catches(program.id(), signal) && is_there(); });
  program.send(signal);
  return program.wait();
}

std::string text_of(const fs::path& file) { return fs::exists(file) ? read_file(file) : ""; }

TEST_CASE("prepare that a signal ends leaves no shards, and begins again") {
  const TinyRun tiny;
  const std::vector<std::string> words{
      "prepare", tiny.config().string(), "--set",
      "data.train={synthetic: {seed: 1, num_articles: 20000, vocab_words: 200}}"};
  for (const int signal : {SIGINT, SIGTERM}) {
    check_ended(
        interrupt(tiny, words, signal, [&] { return fs::exists(tiny.path("shards.staged")); }),
        signal, tiny.path("."));
    CHECK_FALSE(fs::exists(tiny.path("shards")));
  }
  REQUIRE(tiny.run({"prepare", tiny.config().string()}).code == 0);
}

TEST_CASE("evaluate that a signal ends keeps the cells that are done") {
  const TinyRun tiny;
  REQUIRE(tiny.train("run", {"--set", kLargeValid, "--set", "train.max_steps=2"}).code == 0);
  const fs::path results = tiny.path("run/evaluations/valid.json");
  for (const int processes : {1, 2}) {
    CAPTURE(processes);
    fs::remove_all(results.parent_path());
    std::vector<std::string> words{"evaluate", tiny.path("run").string(), "--processes",
                                   std::to_string(processes)};
    words.insert(words.end(), kQuickThenLong.begin(), kQuickThenLong.end());
    const auto ended = interrupt(tiny, words, SIGINT, [&] { return fs::exists(results); });
    check_ended(ended, SIGINT, tiny.path("."));
    CHECK_THAT(ended.err, ContainsSubstring("--reuse keeps them"));
    CHECK(ended.out.empty());
    const Json cells = Json::parse(text_of(results))["cells"];
    REQUIRE(cells.size() == 1);
    CHECK(cells[0]["length"] == 16);
    const auto again = tiny.run({"evaluate", tiny.path("run").string(), "--lengths", "16", "--mode",
                                 "stride:16", "--reuse", "--json"});
    REQUIRE(again.code == 0);
    CHECK(Json::parse(again.out)["cells"][0]["loss_nats"] == cells[0]["loss_nats"]);
    CHECK(Json::parse(again.out)["cells"][0]["tokens_per_second"] == cells[0]["tokens_per_second"]);
  }
}

TEST_CASE("sweep that a signal ends in an evaluation goes on from what is done") {
  const TinyRun tiny;
  const auto write_sweep = [&](const std::string& lengths) {
    std::ofstream(tiny.path("sweep.yaml"))
        << "name: s\nbase: tiny.yaml\ngrid: {position.kind: [alibi]}\nevaluate: {lengths: \""
        << lengths << "\", modes: [\"stride:16\"]}\n";
    return std::vector<std::string>{"sweep",    tiny.path("sweep.yaml").string(),
                                    "--output", tiny.path("out").string(),
                                    "--set",    "train.max_steps=2",
                                    "--set",    kLargeValid};
  };
  const fs::path results = tiny.path("out/alibi/evaluations/valid.json");
  const auto ended =
      interrupt(tiny, write_sweep("16,4096"), SIGINT, [&] { return fs::exists(results); });
  check_ended(ended, SIGINT, tiny.path("."));
  CHECK_THAT(ended.err, ContainsSubstring("the same command goes on"));
  CHECK_FALSE(fs::exists(tiny.path("out/report.html")));
  const auto done = tiny.run(write_sweep("16"));
  REQUIRE(done.code == 0);
  CHECK_THAT(done.err, ContainsSubstring("already trained to its end"));
  CHECK(fs::exists(tiny.path("out/report.html")));
}

TEST_CASE("export and import that a signal ends leave nothing of what they wrote") {
  const TinyRun tiny;
  REQUIRE(tiny.train("run", kLargeModel).code == 0);
  const auto exported = [&](const std::string& to, const std::string& output) {
    return std::vector<std::string>{"export",   tiny.path("run").string(), "--to", to,
                                    "--output", tiny.path(output).string()};
  };
  const auto check_nothing_left = [&](const std::vector<std::string>& words,
                                      const std::string& output, int signal) {
    CAPTURE(words);
    const auto ended =
        interrupt(tiny, words, signal, [&] { return fs::exists(tiny.path(output + ".staged")); });
    check_ended(ended, signal, tiny.path("."));
    CHECK_FALSE(fs::exists(tiny.path(output)));
  };
  check_nothing_left(exported("huggingface", "folder"), "folder", SIGINT);
  check_nothing_left(exported("gguf", "model.gguf"), "model.gguf", SIGTERM);
  REQUIRE(tiny.run(exported("huggingface", "folder")).code == 0);
  check_nothing_left({"import", "--from", "huggingface", tiny.path("folder").string(), "--output",
                      tiny.path("imported").string()},
                     "imported", SIGINT);
}

TEST_CASE("report that a signal ends leaves the page that was there") {
  const TinyRun tiny;
  REQUIRE(tiny.train("run", {"--set", "train.max_steps=2"}).code == 0);
  const fs::path page = tiny.path("report.html");
  const std::vector<std::string> words{"report", tiny.path("run").string(), "--output",
                                       page.string()};
  REQUIRE(tiny.run(words).code == 0);
  const std::string before = read_file(page);
  // So many rows that to read them takes far longer than a signal.
  std::istringstream rows(read_file(tiny.path("run/metrics.jsonl")));
  std::string row, many;
  std::getline(rows, row);
  Json values = Json::parse(row);
  for (int step = 1; step <= 100'000; ++step) {
    values["step"] = step;
    many += values.dump() + "\n";
  }
  write_file_durably(tiny.path("run/metrics.jsonl"), many);
  check_ended(interrupt(tiny, words, SIGTERM), SIGTERM, tiny.path("."));
  CHECK(read_file(page) == before);
}

TEST_CASE("generate that a signal ends has shown the text so far") {
  const TinyRun tiny;
  REQUIRE(tiny.train("run", {"--set", "train.max_steps=2"}).code == 0);
  const auto ended =
      interrupt(tiny, {"generate", tiny.path("run").string(), "--max-tokens", "1000000"}, SIGINT,
                [&] { return text_of(tiny.path("stdout.txt")).size() > 100; });
  check_ended(ended, SIGINT, tiny.path("."));
  CHECK(ended.out.size() > 100);
}

TEST_CASE("bench that a signal ends prints nothing") {
  const TinyRun tiny;
  REQUIRE(tiny.train("run", {"--set", "train.max_steps=2"}).code == 0);  // for its shards
  const auto ended =
      interrupt(tiny, {"bench", tiny.config().string(), "--steps", "1000000"}, SIGTERM);
  check_ended(ended, SIGTERM, tiny.path("."));
  CHECK(ended.out.empty());
}

TEST_CASE("verify-resume that a signal ends leaves no process that trains on") {
  const TinyRun tiny;
  for (const auto* processes : {"1", "2"}) {
    const fs::path trial = tiny.path(concat("trial-", processes));
    const auto ended =
        interrupt(tiny,
                  {"verify-resume", tiny.config().string(), "--run", trial.string(), "--processes",
                   processes, "--threads", "1", "--set", "train.max_steps=1000000"},
                  SIGTERM, [&] { return !text_of(trial / "whole/metrics.jsonl").empty(); });
    CAPTURE(processes);
    check_ended(ended, SIGTERM);  // its runs are killed, which may leave a checkpoint half-written
    CHECK(ended.out.empty());
    // The system ends them; they may take a moment.
    for (int looks = 0; looks < 1000 && is_argument_of_a_process(trial); ++looks)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    CHECK_FALSE(is_argument_of_a_process(trial));
  }
}

TEST_CASE("inspect and a start of training that read a long checkpoint end too") {
  const TinyRun tiny;
  REQUIRE(tiny.train("run", {"--set", "train.max_steps=2"}).code == 0);
  const fs::path checkpoint = tiny.path("run/checkpoints/step-000000002");
  constexpr std::uintmax_t kBytes = std::uintmax_t{1} << 38;  // a hole: minutes to read, no space
  fs::resize_file(checkpoint / "model.safetensors", kBytes);
  Json manifest = Json::parse(read_file(checkpoint / "manifest.json"));
  for (auto& file : manifest["files"])
    if (file["name"] == "model.safetensors") file["bytes"] = kBytes;
  write_file_durably(checkpoint / "manifest.json", manifest.dump(2) + "\n");
  check_ended(interrupt(tiny, {"inspect", checkpoint.string(), "--verify"}, SIGINT), SIGINT,
              tiny.path("."));
  check_ended(interrupt(tiny, tiny.train_arguments("run", {"--set", "train.max_steps=4"}), SIGTERM),
              SIGTERM, tiny.path("."));
}

}  // namespace
}  // namespace longspan
