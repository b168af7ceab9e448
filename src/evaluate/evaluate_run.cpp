// Scores a run and keeps its result files.

#include "longspan/evaluate/evaluate_run.h"

#include <cmath>

#include "longspan/core/error.h"
#include "longspan/core/files.h"
#include "longspan/core/hash.h"
#include "longspan/core/log.h"
#include "longspan/evaluate/evaluate.h"
#include "longspan/evaluate/results.h"
#include "longspan/report/report.h"

namespace longspan {
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
  result["dtype"] = name_of(run.config.train.precision);
  result["position_overrides"] = request.position;
  return result;
}

// A loss that is no number is no result: nothing is kept of it.
EvaluationCell evaluate_finite(const TrainedRun& run, const EvaluationText& text,
                               std::int64_t length, EvaluationMode mode,
                               const EvaluationOptions& options) {
  EvaluationCell cell = evaluate_cell(run.model, text, length, mode, options);
  check(std::isfinite(cell.loss_nats), ErrorKind::Numeric, run.folder.string(),
        ": the loss at length ", length, " must be a finite number, got ", cell.loss_nats,
        "; weights or activations of the checkpoint are NaN or infinite: evaluate another one");
  return cell;
}

// Where a cell belongs.
struct Place {
  std::filesystem::path file;
  std::int64_t length = 0;
  EvaluationMode mode;
};

// What find_evaluation() tells the cell by.
Json key_of(const Place& place, const EvaluationRequest& request, const TrainedRun& run) {
  return {{"run", run.config.name},
          {"checkpoint_step", run.step},
          {"length", place.length},
          {"mode", place.mode.name()},
          {"position_overrides", request.position}};
}

// What rank 0 finds holds for all, even where they see other disks.
Json find_cell_together(const Place& place, const EvaluationRequest& request, const TrainedRun& run,
                        Communicator& communicator) {
  if (!request.reuse) return nullptr;
  return Json::parse(communicator.broadcast_text(
      communicator.leads() ? find_evaluation(place.file, key_of(place, request, run)).dump()
                           : std::string()));
}

}  // namespace

std::string fingerprint_of_text(const std::string& split, const RunConfig& config) {
  if (is_in_shards(split)) return ShardFolder::open(config.data.shards).fingerprint();
  Hasher hasher;
  for (const auto& file : text_files(text_file(split))) hasher.update(hash_of_file(file));
  return hasher.digest();
}

Json evaluate_run(const SavedRun& saved, const EvaluationRequest& request, c10::Device device,
                  Communicator& communicator) {
  TrainedRun run = open_run(saved);
  run.model.to(device);
  const auto lengths = lengths_of(request, run);
  check_lengths(lengths, run);
  const SplitText split = open_split(request.split, run);
  const auto folder = request.output.empty() ? saved.folder / "evaluations" : request.output;
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
        cell = named_cell(evaluate_finite(run, split.text, length, mode, options), request, run);
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

}  // namespace longspan
