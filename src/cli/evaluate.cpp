// longspan evaluate RUN...: the extrapolation curve.

#include <CLI/CLI.hpp>

#include <cmath>
#include <cstddef>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "cli/commands.h"
#include "cli/config_file.h"
#include "cli/job.h"
#include "cli/memory_advice.h"
#include "cli/output.h"
#include "cli/position_changes.h"
#include "longspan/core/end_on_signal.h"
#include "longspan/core/error.h"
#include "longspan/core/escaped.h"
#include "longspan/core/evaluation_format.h"
#include "longspan/core/exit_code.h"
#include "longspan/core/hash.h"
#include "longspan/distributed/launch.h"
#include "longspan/evaluate/evaluate_run.h"
#include "longspan/evaluate/measures.h"
#include "longspan/run/version.h"

namespace longspan::cli {
namespace {

// Cells of one target, and of older versions, have none.
std::string interval_of(const Json& cell) {
  const Json interval = cell.value("ppl_interval", Json());
  if (!interval.is_array() || !interval[0].is_number() || std::isnan(interval[0].get<double>()))
    return "";
  return formatted("%.3f .. %.3f", interval[0].get<double>(), interval[1].get<double>());
}

std::string table_of(const Json& cells) {
  std::string table = formatted("%-24s %-12s %8s %-16s %10s %-19s %12s %14s\n", "run", "method",
                                "length", "mode", "ppl", "95 % interval", "loss_nats", "tokens/s");
  for (const auto& cell : cells)
    table += formatted("%-24s %-12s %8lld %-16s %10.3f %-19s %12.5f %14.0f\n",
                       escaped(cell["run"].get<std::string>()).c_str(),
                       cell["method"].get<std::string>().c_str(), cell["length"].get<long long>(),
                       cell["mode"].get<std::string>().c_str(), cell["ppl"].get<double>(),
                       interval_of(cell).c_str(), cell["loss_nats"].get<double>(),
                       cell["tokens_per_second"].get<double>());
  return table;
}

// The tail of a normal distribution is zero in a double long before it is zero.
std::string probability(double value) { return value < 1e-9 ? "<1e-9" : formatted("%.2g", value); }

// Holds the losses of each run against those of the first on the same targets.
class Comparisons {
 public:
  /// Returns how a cell compares with the first run's; null where that is not known.
  Json add(const Json& cell, std::vector<double> losses) {
    const std::string key =
        concat(cell["length"], ' ', cell["mode"], ' ', cell["targets_hash"], ' ', cell["text"]);
    if (run_ == 0) {
      first_[key] = {cell, std::move(losses)};
      return nullptr;
    }
    const auto found = first_.find(key);
    if (found == first_.end()) return nullptr;
    const auto& [first, its_losses] = found->second;
    const PairedDifference difference = paired_difference(its_losses, losses);
    Json row{{"run", cell["run"]},
             {"against", first["run"]},
             {"length", cell["length"]},
             {"mode", cell["mode"]},
             {"difference_nats", difference.mean_nats},
             {"standard_error", difference.standard_error},
             {"p_value", difference.p_value}};
    for (const char* same :
         {"checkpoint_step", "model_hash", "targets_hash", "dtype", "position_overrides"})
      row[same] = cell[same];
    row["against_checkpoint_step"] = first["checkpoint_step"];
    row["against_model_hash"] = first["model_hash"];
    list_.push_back(row);
    return row;
  }
  void next_run() { ++run_; }
  const Json& list() const { return list_; }
  std::string table() const {
    if (list_.empty()) return "";
    std::string table = formatted("\n%-24s %-24s %8s %-16s %16s %10s %8s\n", "run", "against",
                                  "length", "mode", "difference_nats", "stderr", "p");
    for (const Json& row : list_)
      table += formatted("%-24s %-24s %8lld %-16s %16.5f %10.5f %8s\n",
                         escaped(row["run"].get<std::string>()).c_str(),
                         escaped(row["against"].get<std::string>()).c_str(),
                         row["length"].get<long long>(), row["mode"].get<std::string>().c_str(),
                         row["difference_nats"].get<double>(), row["standard_error"].get<double>(),
                         probability(row["p_value"].get<double>()).c_str());
    return table;
  }

 private:
  struct First {
    Json cell;
    std::vector<double> losses;
  };
  std::map<std::string, First> first_;
  std::size_t run_ = 0;
  Json list_ = Json::array();
};

struct EvaluateArguments {
  std::vector<std::string> runs;
  std::string processes = "auto", checkpoint = "best";
  std::vector<std::string> overrides;  // dotted.key=value of the runs' configurations
  EvaluationRequest request;
};

// A run that still trains moves on, so each run's checkpoint is found once.
std::vector<SavedRun> find_runs(const EvaluateArguments& arguments) {
  std::vector<SavedRun> runs;
  for (const auto& run : arguments.runs) {
    check_is_no_file(run);
    runs.push_back(find_run(run, arguments.checkpoint, arguments.overrides));
  }
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
  EvaluationRequest request = arguments.request;
  Comparisons comparisons;
  if (runs.size() > 1)
    request.take_losses = [&](const Json& cell, std::vector<double> losses) {
      return comparisons.add(cell, std::move(losses));
    };
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
      for (const auto& run : runs) {
        for (auto& cell : evaluate_run(run, request, device, *communicator))
          cells.push_back(std::move(cell));
        comparisons.next_run();
      }
    });
  });
  if (!communicator->leads()) return kDone;
  Json results{{"format", kEvaluationFormat}, {"cells", cells}};
  if (runs.size() > 1) results["comparisons"] = comparisons.list();
  write_result(options.json ? json_line(results) : table_of(cells) + comparisons.table());
  return kDone;
}

}  // namespace

void add_evaluate(CLI::App& app, Call& call) {
  CommonOptions& options = call.options;
  auto* verb = app.add_subcommand("evaluate", "Score a split at every length and mode");
  auto arguments = std::make_shared<EvaluateArguments>();
  auto& request = arguments->request;
  verb->add_option("RUN", arguments->runs, "Folders of runs")->required();
  verb->add_option(
      "--lengths", request.lengths,
      "Lengths in tokens: 64,128,256 or 64:4096 (doubling) or 64:4096:64 (step); default: "
      "the trained length and its doublings, to 16 times");
  verb->add_option(
          "--mode", request.modes,
          "nonoverlapping (default), or stride:S, a sliding window that scores S new tokens at a "
          "time; repeatable")
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
  verb->add_flag("--reuse", request.reuse,
                 "Keep the cells that are in the results already, as after an interruption");
  verb->add_option("--output", request.output, "Folder for the results; default <run>/evaluations");
  verb->add_option("--processes", arguments->processes,
                   "Processes to start on this host; auto: as the first run's config says")
      ->capture_default_str();
  add_common_options(*verb, options, "the current folder");
  verb->callback([arguments, &options, &call] {
    apply(options);
    EndOnSignal::set_advice("the cells that are done are in the results, --reuse keeps them");
    check_settings_act(options.overrides, "evaluate",
                       {"name", "model", "position", "data.seq_len", "data.shards", "data.train",
                        "train.precision", "distributed"});
    arguments->overrides = take_position_changes(arguments->request.position, options.overrides);
    call.exit_code = evaluate_all(*arguments, call);
  });
}

}  // namespace longspan::cli
