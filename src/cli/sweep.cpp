// longspan sweep SWEEP.yaml: every run of a grid, then its evaluations, then one report. What is
// done already is kept.

#include <CLI/CLI.hpp>
#include <algorithm>

#include "cli/commands.h"
#include "cli/config_file.h"
#include "cli/exit_code.h"
#include "cli/job.h"
#include "cli/memory_advice.h"
#include "cli/output.h"
#include "cli/sweep_schema.h"
#include "longspan/config/schema.h"
#include "longspan/core/end_on_signal.h"
#include "longspan/core/error.h"
#include "longspan/core/json.h"
#include "longspan/core/log.h"
#include "longspan/distributed/launch.h"
#include "longspan/evaluate/evaluate_run.h"
#include "longspan/evaluate/protocol.h"
#include "longspan/report/report.h"
#include "longspan/train/trainer.h"

namespace longspan::cli {
namespace {

struct SweepRun {
  std::string name;
  std::vector<std::string> overrides;
};

struct Sweep {
  std::string name;
  std::string base;
  std::vector<SweepRun> runs;
  std::string lengths;
  std::vector<std::string> modes, splits;
};

std::string folder_name(std::string value) {
  std::erase_if(value, [](char c) { return c == '"' || c == '\'' || c == ' '; });
  std::ranges::replace_if(
      value, [](char c) { return c == '/' || c == '{' || c == '}' || c == ':' || c == ','; }, '_');
  return value;
}

constexpr std::size_t kMaxRuns = 10000;

// Every combination of the grid's values, the last key running fastest.
std::vector<SweepRun> expand(const config::Document& document) {
  std::vector<SweepRun> runs{{}};
  for (const auto& key : document.keys("grid")) {
    std::vector<SweepRun> longer;
    const auto values = document.list_elements("grid", key);
    check(values.size() <= kMaxRuns / runs.size(), ErrorKind::Config,
          document.root().section("grid").place(key), " must make at most ", kMaxRuns,
          " runs with the keys before it, got ", runs.size(), " times ", values.size());
    check(!values.empty(), ErrorKind::Config, document.root().section("grid").place(key),
          " must list at least one value");
    for (const auto& run : runs)
      for (const auto& value : values) {
        SweepRun next = run;
        next.name += concat(next.name.empty() ? "" : "-", folder_name(value));
        next.overrides.push_back(key + "=" + value);
        longer.push_back(std::move(next));
      }
    runs = std::move(longer);
  }
  return runs;
}

Sweep read_sweep_keys(const config::Reader& root) {
  Sweep sweep;
  sweep.name = root.text("name");
  check(
      !sweep.name.empty() && sweep.name.find('/') == std::string::npos && sweep.name.front() != '.',
      ErrorKind::Config, root.place("name"), " must be a folder's name, got '", sweep.name, "'");
  sweep.base = root.path("base");
  const auto grid = root.section("grid");
  for (const auto& key : grid.keys()) grid.texts(key);
  const auto evaluate = root.section("evaluate");
  sweep.lengths = evaluate.text("lengths", "");
  if (!sweep.lengths.empty()) parse_lengths(sweep.lengths, evaluate.place("lengths"));
  sweep.modes = evaluate.texts("modes", EvaluationRequest{}.modes);
  for (const auto& mode : sweep.modes) parse_mode(mode, evaluate.place("modes"));
  sweep.splits = evaluate.texts("splits", {"valid"});
  evaluate.finish();
  root.finish();
  return sweep;
}

Sweep read_sweep(const std::string& path, const std::vector<std::string>& overrides) {
  check_is_sweep(path);
  const auto document = config::Document::from_file(path);
  Sweep sweep = read_sweep_keys(document.root());
  sweep.runs = expand(document);
  for (auto& run : sweep.runs) {
    if (run.name.empty()) run.name = sweep.name;
    run.overrides.push_back(concat("name=", run.name));
    run.overrides.insert(run.overrides.end(), overrides.begin(), overrides.end());
  }
  return sweep;
}

// Trains one run of the grid, by several processes where its config says so or several GPUs are
// there. Returns the exit code.
int train_run(const Sweep& sweep, const SweepRun& run, const std::filesystem::path& folder,
              const Call& call) {
  const CommonOptions& options = call.options;
  const RunConfig config = read_config(sweep.base, run.overrides);
  const auto processes = processes_of_host("auto", options.device, config.distributed);
  if (processes > 1) {
    std::vector<std::string> words{
        "longspan",        "train",       sweep.base,
        "--run",           folder,        "--log-level",
        options.log_level, "--threads",   std::to_string(options.threads),
        "--device",        options.device};
    for (const auto& setting : run.overrides) words.insert(words.end(), {"--set", setting});
    if (options.quiet) words.push_back("--quiet");
    prepare_data(config.data, options.threads);
    return launch({processes, words, config.distributed.bind_cores,
                   /*discard_output=*/true});
  }
  const auto alone = make_lone_communicator();
  TrainResult result;
  with_memory_advice(train_advice(config), [&] {
    result = train(config, {folder, "auto", call.words, use_device(options)}, *alone);
  });
  return exit_code(result);
}

int run_all(const Sweep& sweep, const std::filesystem::path& folder, const Call& call) {
  const CommonOptions& options = call.options;
  std::vector<std::filesystem::path> folders;
  for (std::size_t i = 0; i < sweep.runs.size(); ++i) {
    const auto& run = sweep.runs[i];
    folders.push_back(folder / run.name);
    log::info("sweep", {{"run", run.name}, {"number", concat(i + 1, "/", sweep.runs.size())}});
    const int code = train_run(sweep, run, folders.back(), call);
    if (code != kDone) return code;
  }
  const auto alone = make_lone_communicator();
  for (const auto& run_folder : folders)
    for (const auto& split : sweep.splits) {
      EvaluationRequest request;
      request.lengths = sweep.lengths;
      request.modes = sweep.modes;
      request.split = split;
      request.reuse = true;
      with_memory_advice(kEvaluateAdvice, [&] {
        evaluate_run(find_run(run_folder, "best"), request, use_device(options), *alone);
      });
    }
  write_report(folders, folder / "report.html");
  return kDone;
}

}  // namespace

Json sweep_schema() {
  return config::json_schema([](const config::Reader& root) { read_sweep_keys(root); }, "{}",
                             "A sweep of longspan");
}

void add_sweep(CLI::App& app, Call& call) {
  CommonOptions& options = call.options;
  struct Arguments {
    std::string sweep, output;
    bool dry_run = false;
  };
  auto* verb =
      app.add_subcommand("sweep", "Every run of a grid, then its evaluations, then one report");
  auto arguments = std::make_shared<Arguments>();
  verb->add_option("SWEEP", arguments->sweep, "Sweep file")->required();
  verb->add_option("--output", arguments->output,
                   "Folder of the runs and the report; default runs/<name>");
  verb->add_flag("--dry-run", arguments->dry_run, "Check every configuration and list the runs");
  add_common_options(*verb, options);
  verb->callback([arguments, &options, &call] {
    apply(options);
    EndOnSignal::set_advice("the same command goes on from what is done");
    const Sweep sweep = read_sweep(arguments->sweep, options.overrides);
    const auto folder = arguments->output.empty() ? std::filesystem::path("runs") / sweep.name
                                                  : std::filesystem::path(arguments->output);
    for (const auto& run : sweep.runs) read_config(sweep.base, run.overrides);
    if (arguments->dry_run) {
      std::string names;
      for (const auto& run : sweep.runs) names += (folder / run.name).string() + "\n";
      return write_result(names);
    }
    call.exit_code = run_all(sweep, folder, call);
    if (call.exit_code == kDone) write_result((folder / "report.html").string() + "\n");
  });
}

}  // namespace longspan::cli
