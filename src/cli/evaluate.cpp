// longspan evaluate RUN...: the extrapolation curve.

#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/job.h"
#include "cli/memory_advice.h"
#include "cli/output.h"
#include "longspan/core/error.h"
#include "longspan/core/escaped.h"
#include "longspan/core/evaluation_format.h"
#include "longspan/core/exit_code.h"
#include "longspan/core/hash.h"
#include "longspan/distributed/launch.h"
#include "longspan/evaluate/evaluate_run.h"
#include "longspan/run/environment.h"

namespace longspan::cli {
namespace {

std::string table_of(const Json& cells) {
  std::string table = formatted("%-24s %-12s %8s %-16s %10s %12s %14s\n", "run", "method", "length",
                                "mode", "ppl", "loss_nats", "tokens/s");
  for (const auto& cell : cells)
    table += formatted("%-24s %-12s %8lld %-16s %10.3f %12.5f %14.0f\n",
                       escaped(cell["run"].get<std::string>()).c_str(),
                       cell["method"].get<std::string>().c_str(), cell["length"].get<long long>(),
                       cell["mode"].get<std::string>().c_str(), cell["ppl"].get<double>(),
                       cell["loss_nats"].get<double>(), cell["tokens_per_second"].get<double>());
  return table;
}

struct EvaluateArguments {
  std::vector<std::string> runs;
  std::string processes = "auto", checkpoint = "best";
  std::vector<std::string> overrides;  // dotted.key=value of the runs' configurations
  EvaluationRequest request;
};

// Results name the keys of the position section that were changed, however that was said.
void take_overrides(const std::vector<std::string>& settings, EvaluateArguments& arguments) {
  constexpr std::string_view kPosition = "position.";
  for (const auto& position : arguments.request.position)
    arguments.overrides.push_back(concat(kPosition, position));
  for (const auto& setting : settings) {
    arguments.overrides.push_back(setting);
    if (setting.starts_with(kPosition))
      arguments.request.position.push_back(setting.substr(kPosition.size()));
  }
}

// A run that still trains moves on, so each run's checkpoint is found once.
std::vector<SavedRun> find_runs(const EvaluateArguments& arguments) {
  std::vector<SavedRun> runs;
  for (const auto& run : arguments.runs)
    runs.push_back(find_run(run, arguments.checkpoint, arguments.overrides));
  return runs;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += " " + word;
  return text;
}

// What the ranks must have in common for their shares to make one evaluation.
std::vector<Agreement> agreements_of(const std::vector<SavedRun>& runs,
                                     const EvaluationRequest& request) {
  std::vector<Agreement> agreements{
      {"version", version_text()},
      {"request",
       concat("runs: ", runs.size(), "\nsplit: ", request.split, "\nlengths: ", request.lengths,
              "\nmodes:", joined(request.modes), "\nposition:", joined(request.position), "\n")}};
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const std::string run = concat(" of run ", i + 1);
    const auto& [folder, checkpoint, config] = runs[i];
    agreements.insert(
        agreements.end(),
        {{"config" + run, config.resolved},
         {"checkpoint" + run, concat(checkpoint.filename().string(), "\nmanifest ",
                                     hash_of_file(checkpoint / "manifest.json"), "\n")},
         {"text" + run, fingerprint_of_text(request.split, config) + "\n"}});
  }
  return agreements;
}

int evaluate_all(const EvaluateArguments& arguments, const Call& call) {
  const CommonOptions& options = call.options;
  const std::vector<SavedRun> runs = find_runs(arguments);
  const EvaluationRequest& request = arguments.request;
  const DistributedConfig& distributed = runs.front().config.distributed;
  const Job job = find_job(arguments.processes, options.device, distributed);
  if (job.processes_to_start)
    return launch({*job.processes_to_start, call.words, distributed.bind_cores});
  const c10::Device device = use_device(options, job.local_rank());
  const auto communicator =
      join_job(job, distributed, device, [&] { return agreements_of(runs, request); });
  Json cells = Json::array();
  work_together(*communicator, [&] {
    with_memory_advice(kEvaluateAdvice, [&] {
      for (const auto& run : runs)
        for (auto& cell : evaluate_run(run, request, device, *communicator))
          cells.push_back(std::move(cell));
    });
  });
  if (!communicator->leads()) return kDone;
  const Json results{{"format", kEvaluationFormat}, {"cells", cells}};
  write_result(options.json ? json_line(results) : table_of(cells));
  return kDone;
}

}  // namespace

void add_evaluate(CLI::App& app, Call& call) {
  CommonOptions& options = call.options;
  auto* verb = app.add_subcommand("evaluate", "Score a split at every length and mode");
  auto arguments = std::make_shared<EvaluateArguments>();
  auto& request = arguments->request;
  verb->add_option("RUN", arguments->runs, "Folders of runs")->required();
  verb->add_option("--lengths", request.lengths,
                   "64,128,256 or 64:4096 (doubling) or 64:4096:64 (step)");
  verb->add_option("--mode", request.modes, "nonoverlapping or stride:S; repeatable")
      ->expected(1)
      ->take_all();
  verb->add_option("--split", request.split,
                   "valid, test, a text (a file or a folder), or a file of token ids: "
                   "nanogpt:FILE, or one of llm.c, Megatron or fairseq by its path")
      ->capture_default_str();
  verb->add_option("--checkpoint", arguments->checkpoint, "best, latest or a checkpoint's folder")
      ->capture_default_str();
  verb->add_option(
          "--position", request.position,
          "Change the position rule: KEY=VALUE of the position section, as interpolation=4 or "
          "window=512; repeatable")
      ->expected(1)
      ->take_all();
  verb->add_option("--output", request.output, "Folder for the results; default <run>/evaluations");
  verb->add_option("--processes", arguments->processes,
                   "Processes to start on this host; auto: as the first run's config says")
      ->capture_default_str();
  add_common_options(*verb, options, "the current folder");
  verb->callback([arguments, &options, &call] {
    apply(options);
    take_overrides(options.overrides, *arguments);
    call.exit_code = evaluate_all(*arguments, call);
  });
}

}  // namespace longspan::cli
