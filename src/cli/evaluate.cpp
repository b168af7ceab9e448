// longspan evaluate RUN...: the extrapolation curve.

#include <CLI/CLI.hpp>
#include <cstdio>
#include <iostream>

#include "cli/commands.h"
#include "cli/evaluation.h"
#include "cli/job.h"
#include "longspan/checkpoint/checkpoint.h"
#include "longspan/core/error.h"
#include "longspan/core/files.h"
#include "longspan/core/hash.h"
#include "longspan/core/log.h"
#include "longspan/distributed/launch.h"
#include "longspan/evaluate/evaluate.h"
#include "longspan/evaluate/results.h"
#include "longspan/report/report.h"
#include "longspan/train/run.h"

namespace longspan::cli {
namespace {

constexpr std::int64_t kDefaultReach = 16;  // times the trained length

struct SplitText {
  EvaluationText text;
  std::string name;  // of the result files
};

bool is_in_shards(const std::string& split) {
  return split == "valid" || split == "test" || split == "train";
}

TextConfig text_file(const std::string& split) {
  TextConfig file;
  file.patterns = {split};
  return file;
}

SplitText open_split(const std::string& split, const TrainedRun& run) {
  if (is_in_shards(split)) {
    const ShardFolder shards = ShardFolder::open(run.config.data.shards);
    check(shards.tokenizer().fingerprint() == run.tokenizer->fingerprint(), ErrorKind::Data,
          run.config.data.shards, " must hold shards of the run's tokenizer (",
          run.tokenizer->fingerprint(), "), got ", shards.tokenizer().fingerprint(),
          "; prepare the run's data again or name a text file with --split");
    return {{shards.stream(split), shards.counts(split), run.tokenizer, split}, split};
  }
  TextCounts counts;
  TokenStream stream = encode_text(text_file(split), *run.tokenizer, counts);
  const std::string name = std::filesystem::path(split).stem().string();
  return {{std::move(stream), counts, run.tokenizer, name}, name};
}

std::vector<std::int64_t> lengths_of(const EvaluationRequest& request, const TrainedRun& run) {
  if (!request.lengths.empty()) return parse_lengths(request.lengths);
  const auto limit = run.model.position().max_positions();
  std::vector<std::int64_t> lengths;
  for (std::int64_t factor = 1; factor <= kDefaultReach; factor *= 2) {
    const std::int64_t length = factor * run.config.data.seq_len;
    if (!limit || length <= *limit) lengths.push_back(length);
  }
  return lengths;
}

void check_lengths(const std::vector<std::int64_t>& lengths, const TrainedRun& run) {
  const auto limit = run.model.position().max_positions();
  if (!limit) return;
  for (const std::int64_t length : lengths)
    check(length <= *limit, ErrorKind::Config, "--lengths must not exceed the ", *limit,
          " positions that ", run.config.position.kind, " can tell apart in ", run.folder.string(),
          ", got ", length);
}

Json named_cell(const EvaluationCell& cell, const EvaluationRequest& request,
                const TrainedRun& run) {
  Json result{{"run", run.config.name},
              {"checkpoint_step", run.step},
              {"method", run.config.position.kind},
              {"train_length", run.config.data.seq_len}};
  result.update(to_json(cell));
  result["dtype"] = run.config.train.precision;
  result["position_overrides"] = request.position;
  return result;
}

// Where a cell belongs.
struct Place {
  std::filesystem::path file;
  std::int64_t length = 0;
  EvaluationMode mode;
};

bool is_cell_of(const Json& cell, const Place& place, const EvaluationRequest& request,
                const TrainedRun& run) {
  return cell.value("length", std::int64_t{0}) == place.length &&
         cell.value("mode", "") == place.mode.name() &&
         cell.value("checkpoint_step", std::int64_t{-1}) == run.step &&
         cell.value("run", "") == run.config.name &&
         cell.value("position_overrides", std::vector<std::string>{}) == request.position;
}

Json find_cell(const Place& place, const EvaluationRequest& request, const TrainedRun& run) {
  if (!std::filesystem::exists(place.file)) return nullptr;
  const Json results = read_json(place.file);
  for (const auto& cell : results.at("cells"))
    if (is_cell_of(cell, place, request, run)) return cell;
  return nullptr;
}

// What rank 0 finds holds for all, even where they see other disks.
Json find_cell_together(const Place& place, const EvaluationRequest& request, const TrainedRun& run,
                        Communicator& communicator) {
  if (!request.reuse) return nullptr;
  return Json::parse(communicator.broadcast_text(
      communicator.leads() ? find_cell(place, request, run).dump() : std::string()));
}

void print_table(const Json& cells) {
  std::printf("%-24s %-12s %8s %-16s %10s %12s %14s\n", "run", "method", "length", "mode", "ppl",
              "loss_nats", "tokens/s");
  for (const auto& cell : cells)
    std::printf("%-24s %-12s %8lld %-16s %10.3f %12.5f %14.0f\n",
                cell["run"].get<std::string>().c_str(), cell["method"].get<std::string>().c_str(),
                cell["length"].get<long long>(), cell["mode"].get<std::string>().c_str(),
                cell["ppl"].get<double>(), cell["loss_nats"].get<double>(),
                cell["tokens_per_second"].get<double>());
}

struct EvaluateArguments {
  std::vector<std::string> runs;
  std::string processes = "auto";
  EvaluationRequest request;
};

// Names each run's checkpoint by its folder: a run that still trains moves on.
std::vector<EvaluationRequest> requests_of(const EvaluateArguments& arguments) {
  std::vector<EvaluationRequest> requests;
  for (const std::filesystem::path run : arguments.runs) {
    check(std::filesystem::exists(run / "config.yaml"), ErrorKind::Config, run.string(),
          " must be the folder of a run, it has no config.yaml");
    EvaluationRequest request = arguments.request;
    request.run = run;
    request.checkpoint = find_checkpoint(run, arguments.request.checkpoint).string();
    requests.push_back(std::move(request));
  }
  return requests;
}

// Results name the keys of the position section that were changed, however that was said.
void take_overrides(const std::vector<std::string>& settings, EvaluationRequest& request) {
  constexpr std::string_view kPosition = "position.";
  for (const auto& setting : settings)
    if (setting.starts_with(kPosition))
      request.position.push_back(setting.substr(kPosition.size()));
    else
      request.overrides.push_back(setting);
}

std::vector<std::string> overrides_of(const EvaluationRequest& request) {
  std::vector<std::string> overrides = request.overrides;
  for (const auto& position : request.position) overrides.push_back("position." + position);
  return overrides;
}

RunConfig read_config(const EvaluationRequest& request) {
  const auto folder = std::filesystem::path(request.checkpoint);
  return read_run_config(
      config::Document::from_file(folder / "config.yaml", overrides_of(request)));
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += " " + word;
  return text;
}

std::string fingerprint_of_text(const std::string& split, const RunConfig& config) {
  if (is_in_shards(split)) return ShardFolder::open(config.data.shards).fingerprint();
  Hasher hasher;
  for (const auto& file : text_files(text_file(split))) hasher.update(hash_of_file(file));
  return hasher.digest();
}

// What the ranks must have in common for their shares to make one evaluation.
std::vector<Agreement> agreements_of(const std::vector<EvaluationRequest>& requests) {
  const EvaluationRequest& first = requests.front();
  std::vector<Agreement> agreements{
      {"version", version_text()},
      {"request",
       concat("runs: ", requests.size(), "\nsplit: ", first.split, "\nlengths: ", first.lengths,
              "\nmodes:", joined(first.modes), "\nposition:", joined(first.position), "\n")}};
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const std::string run = concat(" of run ", i + 1);
    const std::filesystem::path checkpoint = requests[i].checkpoint;
    const RunConfig config = read_config(requests[i]);
    agreements.insert(
        agreements.end(),
        {{"config" + run, config.resolved},
         {"checkpoint" + run, concat(checkpoint.filename().string(), "\nmanifest ",
                                     hash_of_file(checkpoint / "manifest.json"), "\n")},
         {"text" + run, fingerprint_of_text(first.split, config) + "\n"}});
  }
  return agreements;
}

int evaluate_all(const EvaluateArguments& arguments, const CommonOptions& options,
                 const Invocation& invocation) {
  const auto requests = requests_of(arguments);
  const DistributedConfig distributed = read_config(requests.front()).distributed;
  const Job job = find_job(arguments.processes, options.device, distributed);
  if (job.processes_to_start)
    return launch({*job.processes_to_start, invocation.words, distributed.bind_cores});
  const c10::Device device = use_device(options, job.local_rank());
  const auto communicator =
      join_job(job, distributed, device, [&] { return agreements_of(requests); });
  Json cells = Json::array();
  work_together(*communicator, [&] {
    for (const auto& request : requests)
      for (auto& cell : evaluate_run(request, device, *communicator))
        cells.push_back(std::move(cell));
  });
  if (!communicator->leads()) return 0;
  if (options.json)
    std::cout << Json{{"format", "longspan.evaluation/1"}, {"cells", cells}}.dump() << "\n";
  else
    print_table(cells);
  return 0;
}

}  // namespace

Json evaluate_run(const EvaluationRequest& request, c10::Device device,
                  Communicator& communicator) {
  TrainedRun run = open_run(request.run, request.checkpoint, overrides_of(request));
  run.model.to(device);
  const auto lengths = lengths_of(request, run);
  check_lengths(lengths, run);
  const SplitText split = open_split(request.split, run);
  const auto folder = request.output.empty() ? request.run / "evaluations" : request.output;
  if (communicator.leads()) make_folder(folder);
  const auto path = folder / (split.name + ".json");
  EvaluationOptions options;
  options.train_length = run.config.data.seq_len;
  options.compute_dtype = run.config.compute_dtype();
  options.communicator = &communicator;
  Json cells = Json::array();
  for (const auto& mode_text : request.modes) {
    const EvaluationMode mode = parse_mode(mode_text);
    for (const std::int64_t length : lengths) {
      Json cell = find_cell_together({path, length, mode}, request, run, communicator);
      if (cell.is_null()) {
        cell =
            named_cell(evaluate_cell(run.model, split.text, length, mode, options), request, run);
        if (communicator.leads()) merge_evaluation(path, {cell});
        log::info("evaluated", {{"run", run.config.name},
                                {"length", length},
                                {"mode", mode.name()},
                                {"ppl", cell["ppl"]}});
      }
      cells.push_back(std::move(cell));
    }
  }
  if (communicator.leads()) {
    write_evaluation_csv(path);
    write_evaluation_plot(path);
  }
  return cells;
}

void add_evaluate(CLI::App& app, CommonOptions& options, const Invocation& invocation,
                  int& exit_code) {
  auto* verb = app.add_subcommand("evaluate", "Score a split at every length and mode");
  auto arguments = std::make_shared<EvaluateArguments>();
  auto& request = arguments->request;
  verb->add_option("RUN", arguments->runs, "Folders of runs")->required();
  verb->add_option("--lengths", request.lengths,
                   "64,128,256 or 64:4096 (doubling) or 64:4096:64 (step)");
  verb->add_option("--mode", request.modes, "nonoverlapping or stride:S; repeatable")
      ->expected(1)
      ->take_all();
  verb->add_option("--split", request.split, "valid, test or a text file")->capture_default_str();
  verb->add_option("--checkpoint", request.checkpoint, "best, latest or a checkpoint's folder")
      ->capture_default_str();
  verb->add_option("--position", request.position, "Override a key of the position section")
      ->expected(1)
      ->take_all();
  verb->add_option("--output", request.output, "Folder for the results; default <run>/evaluations");
  verb->add_option("--processes", arguments->processes,
                   "Processes to start on this host; auto: as the first run's config says")
      ->capture_default_str();
  add_common_options(*verb, options);
  verb->callback([arguments, &options, &invocation, &exit_code] {
    apply(options);
    take_overrides(options.overrides, arguments->request);
    exit_code = evaluate_all(*arguments, options, invocation);
  });
}

}  // namespace longspan::cli
