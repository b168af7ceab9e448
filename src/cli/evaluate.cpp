// longspan evaluate RUN...: the extrapolation curve.

#include <CLI/CLI.hpp>
#include <cstdio>
#include <iostream>

#include "cli/commands.h"
#include "cli/evaluation.h"
#include "longspan/core/error.h"
#include "longspan/core/files.h"
#include "longspan/core/log.h"
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

SplitText open_split(const std::string& split, const TrainedRun& run) {
  if (split == "valid" || split == "test" || split == "train") {
    const ShardFolder shards = ShardFolder::open(run.config.data.shards);
    check(shards.tokenizer().fingerprint() == run.tokenizer->fingerprint(), ErrorKind::Data,
          run.config.data.shards, " must hold shards of the run's tokenizer (",
          run.tokenizer->fingerprint(), "), got ", shards.tokenizer().fingerprint(),
          "; prepare the run's data again or name a text file with --split");
    return {{shards.stream(split), shards.counts(split), run.tokenizer, split}, split};
  }
  TextConfig file;
  file.patterns = {split};
  TextCounts counts;
  TokenStream stream = encode_text(file, *run.tokenizer, counts);
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

bool same_cell(const Json& cell, std::int64_t length, const EvaluationMode& mode,
               const EvaluationRequest& request, const TrainedRun& run) {
  return cell.value("length", std::int64_t{0}) == length && cell.value("mode", "") == mode.name() &&
         cell.value("checkpoint_step", std::int64_t{-1}) == run.step &&
         cell.value("run", "") == run.config.name &&
         cell.value("position_overrides", std::vector<std::string>{}) == request.position;
}

Json find_cell(const std::filesystem::path& path, std::int64_t length, const EvaluationMode& mode,
               const EvaluationRequest& request, const TrainedRun& run) {
  if (!request.reuse || !std::filesystem::exists(path)) return nullptr;
  const Json results = read_json(path);
  for (const auto& cell : results.at("cells"))
    if (same_cell(cell, length, mode, request, run)) return cell;
  return nullptr;
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

}  // namespace

Json evaluate_run(const EvaluationRequest& request) {
  const TrainedRun run = open_run(request.run, request.checkpoint, request.position);
  const auto lengths = lengths_of(request, run);
  check_lengths(lengths, run);
  const SplitText split = open_split(request.split, run);
  const auto folder = request.output.empty() ? request.run / "evaluations" : request.output;
  make_folder(folder);
  const auto path = folder / (split.name + ".json");
  EvaluationOptions options;
  options.train_length = run.config.data.seq_len;
  options.compute_dtype = run.config.compute_dtype();
  Json cells = Json::array();
  for (const auto& mode_text : request.modes) {
    const EvaluationMode mode = parse_mode(mode_text);
    for (const std::int64_t length : lengths) {
      Json cell = find_cell(path, length, mode, request, run);
      if (cell.is_null()) {
        cell =
            named_cell(evaluate_cell(run.model, split.text, length, mode, options), request, run);
        merge_evaluation(path, {cell});
        log::info("evaluated", {{"run", run.config.name},
                                {"length", length},
                                {"mode", mode.name()},
                                {"ppl", cell["ppl"]}});
      }
      cells.push_back(cell);
    }
  }
  write_evaluation_csv(path);
  write_evaluation_plot(path);
  return cells;
}

void add_evaluate(CLI::App& app, CommonOptions& options) {
  struct Arguments {
    std::vector<std::string> runs;
    std::string output;
    EvaluationRequest request;
  };
  auto* verb = app.add_subcommand("evaluate", "Score a split at every length and mode");
  auto arguments = std::make_shared<Arguments>();
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
  verb->add_option("--output", arguments->output,
                   "Folder for the results; default <run>/evaluations");
  add_common_options(*verb, options);
  verb->callback([arguments, &options] {
    apply(options);
    Json cells = Json::array();
    for (const auto& run : arguments->runs) {
      arguments->request.run = run;
      arguments->request.output = arguments->output;
      for (auto& cell : evaluate_run(arguments->request)) cells.push_back(cell);
    }
    if (options.json)
      std::cout << Json{{"format", "longspan.evaluation/1"}, {"cells", cells}}.dump() << "\n";
    else
      print_table(cells);
  });
}

}  // namespace longspan::cli
