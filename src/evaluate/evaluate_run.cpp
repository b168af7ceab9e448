// Scores a run and keeps its result files.

#include "longspan/evaluate/evaluate_run.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <span>
#include <utility>

#include "evaluate/evaluation_progress.h"
#include "evaluate/evaluation_text.h"
#include "evaluate/model_hash.h"
#include "longspan/core/error.h"
#include "longspan/core/files.h"
#include "longspan/core/hash.h"
#include "longspan/core/log.h"
#include "longspan/evaluate/evaluate.h"
#include "longspan/evaluate/results.h"
#include "longspan/report/report.h"

namespace longspan {
namespace {

std::vector<std::int64_t> lengths_wanted(const EvaluationRequest& request, const TrainedRun& run) {
  if (!request.lengths.empty()) return parse_lengths(request.lengths);
  return default_lengths(run.config.data.seq_len, run.model.position().max_positions());
}

void check_lengths(const std::vector<std::int64_t>& lengths, const TrainedRun& run) {
  const auto limit = run.model.position().max_positions();
  if (!limit) return;
  for (const std::int64_t length : lengths)
    check(length <= *limit, ErrorKind::Config, "--lengths must not exceed the ", *limit,
          " positions that ", run.config.position.kind, " can tell apart in ", run.folder.string(),
          ", got ", length);
}

/// A cell that is asked for.
struct Task {
  std::int64_t length = 0;
  std::size_t mode_number = 0;
  EvaluationMode mode;
  Json cell = {};  // null until it is known
};

std::vector<Task> tasks_of(const EvaluationRequest& request,
                           const std::vector<std::int64_t>& lengths) {
  std::vector<Task> tasks;
  for (std::size_t i = 0; i < request.modes.size(); ++i) {
    const EvaluationMode mode = parse_mode(request.modes[i]);
    for (const std::int64_t length : lengths) {
      check(mode.stride <= length, ErrorKind::Config,
            "--mode stride:S must be at most every one of --lengths, got ", mode.name(),
            " at length ", length);
      tasks.push_back({length, i, mode});
    }
  }
  return tasks;
}

// All that a cell is of, but for length and mode.
Json source_of(const EvaluationText& text, const EvaluationRequest& request,
               const TrainedRun& run) {
  return {{"run", run.config.name},
          {"checkpoint_step", run.step},
          {"method", run.config.position.kind},
          {"train_length", run.config.data.seq_len},
          {"targets_hash", hash_of_targets(text.stream, text.stream.size())},
          {"dtype", name_of(run.config.train.precision)},
          {"position_overrides", request.position},
          {"text", text.split},
          {"words", text.counts.words},
          {"bytes", text.counts.bytes},
          {"model_hash", hash_of_model(run)}};
}

// Puts the keys in the interface's order.
Json named_cell(const EvaluationCell& cell, const Json& source) {
  Json result;
  for (const char* key : {"run", "checkpoint_step", "method", "train_length"})
    result[key] = source[key];
  result.update(to_json(cell));
  result.update(source);
  return result;
}

// A loss that is no number is no result: nothing is kept of it.
ScoredCell score_finite(const TrainedRun& run, const EvaluationText& text, const Task& task,
                        const EvaluationOptions& options, const std::vector<double>* trained) {
  ScoredCell scored = score_cell(run.model, text, task.length, task.mode, options, trained);
  check(std::isfinite(scored.cell.loss_nats), ErrorKind::Numeric, run.folder.string(),
        ": the loss at length ", task.length, " must be a finite number, got ",
        scored.cell.loss_nats,
        "; weights or activations of the checkpoint are NaN or infinite: evaluate another one");
  return scored;
}

// The results of one text in one folder. Rank 0 alone reads and writes them.
class Results {
 public:
  Results(std::filesystem::path folder, std::string split, Json source, Communicator& communicator)
      : folder_(std::move(folder)),
        split_(std::move(split)),
        source_(std::move(source)),
        communicator_(communicator) {
    if (communicator_.leads()) make_folder(folder_);
  }

  // What rank 0 finds holds for all, even where they see other disks.
  Json find_together(std::int64_t length, EvaluationMode mode) const {
    std::string found;
    if (communicator_.leads()) {
      Json key = source_;
      key.update({{"length", length}, {"mode", mode.name()}});
      const ResultsLock lock(folder_);
      found = find_evaluation(file(), key).dump();
    }
    return Json::parse(communicator_.broadcast_text(found));
  }

  Json keep(const EvaluationCell& scored) const {
    Json cell = named_cell(scored, source_);
    if (communicator_.leads()) {
      const ResultsLock lock(folder_);
      merge_evaluation(file(), {cell});
    }
    return cell;
  }

  void keep_comparison(const Json& row) const {
    if (row.is_null() || !communicator_.leads()) return;
    const ResultsLock lock(folder_);
    merge_comparison(file(), row);
  }

  void draw() const {
    if (!communicator_.leads()) return;
    const ResultsLock lock(folder_);
    const auto path = file();
    write_evaluation_csv(path);
    write_evaluation_plot(path);
    if (path.stem() != std::filesystem::path(split_).stem())
      log::info("the plain name of these results is another text's",
                {{"text", source_["text"].get<std::string>()}, {"results", path.string()}});
  }

 private:
  std::filesystem::path file() const {
    return results_file(folder_, split_, source_["targets_hash"].get<std::string>());
  }

  std::filesystem::path folder_;
  std::string split_;
  Json source_;
  Communicator& communicator_;
};

}  // namespace

std::string fingerprint_of_text(const std::string& split, const RunConfig& config) {
  if (is_in_shards(split)) return ShardFolder::open(config.data.shards).fingerprint();
  Hasher hasher;
  if (const auto tokens = token_file_named(split)) {
    for (const auto& file : token_files(*tokens)) hasher.update(hash_of_file(file));
    return hasher.digest();
  }
  for (const auto& file : text_files(text_file(split))) hasher.update(hash_of_file(file));
  return hasher.digest();
}

Json evaluate_run(const SavedRun& saved, const EvaluationRequest& request, c10::Device device,
                  Communicator& communicator) {
  TrainedRun run = open_run(saved);
  const auto lengths = lengths_wanted(request, run);
  check_lengths(lengths, run);
  const EvaluationText text = open_evaluation_text(request.split, run);
  const Results results(request.output.empty() ? saved.folder / "evaluations" : request.output,
                        request.split, source_of(text, request, run), communicator);
  run.model.to(device);
  EvaluationOptions options;
  options.train_length = run.config.data.seq_len;
  options.compute_dtype = run.config.compute_dtype();
  options.communicator = &communicator;
  std::vector<Task> tasks = tasks_of(request, lengths);
  std::vector<Task*> left;
  for (Task& task : tasks) {
    if (request.reuse) task.cell = results.find_together(task.length, task.mode);
    if (task.cell.is_null()) left.push_back(&task);
  }
  std::ranges::stable_sort(left, {}, [&](const Task* task) {
    return std::pair(task->mode_number, task->length != options.train_length);
  });
  EvaluationProgress progress(run.config.name, run.model, text.stream.size());
  for (const Task* task : left) progress.plan(task->length, task->mode);
  if (communicator.leads())
    options.when_done = [&](std::span<const Window> windows) { progress.add(windows); };
  std::map<std::int64_t, std::vector<double>> trained;  // losses by stride
  for (Task* task : left) {
    progress.begin(task->length, task->mode);
    const auto known = trained.find(task->mode.stride);
    ScoredCell scored =
        score_finite(run, text, *task, options, known == trained.end() ? nullptr : &known->second);
    task->cell = results.keep(scored.cell);
    log::info("evaluated", {{"run", run.config.name},
                            {"length", task->length},
                            {"mode", task->mode.name()},
                            {"ppl", task->cell["ppl"]}});
    if (task->length == options.train_length) trained[task->mode.stride] = scored.losses;
    if (request.take_losses)
      results.keep_comparison(request.take_losses(task->cell, std::move(scored.losses)));
  }
  results.draw();
  Json cells = Json::array();
  for (Task& task : tasks) cells.push_back(std::move(task.cell));
  return cells;
}

}  // namespace longspan
