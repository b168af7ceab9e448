// Looks over the folders of runs. A run may be training meanwhile: files that come and go on the
// way are no fault of it.

#include "longspan/run/run_list.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <string_view>

#include "longspan/checkpoint/checkpoint.h"
#include "longspan/core/error.h"
#include "longspan/core/files.h"
#include "longspan/core/json_reader.h"
#include "longspan/run/run_config.h"
#include "longspan/run/run_folder.h"

namespace longspan {
namespace {

namespace fs = std::filesystem;

constexpr int kMaxDepth = 4;
constexpr std::int64_t kMostListed = std::int64_t{1} << 62;

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

bool looks_like_run(const fs::path& folder) {
  return is_there(folder / "checkpoints") || is_there(folder / "metrics.jsonl") ||
         (is_there(folder / "config.yaml") && is_there(folder / ".lock"));
}

// What the rows of metrics.jsonl say. The last one may be half written.
struct Rows {
  std::int64_t step = 0;
  double epoch = 0;
  std::optional<double> train_loss, best_valid_loss;
};

std::optional<double> finite(const JsonReader& row, const std::string& key) {
  if (!row.has(key)) return std::nullopt;
  const double value = row.number(key);
  return std::isfinite(value) ? std::optional(value) : std::nullopt;
}

void take_row(std::string_view line, const std::string& source, Rows& rows) {
  const JsonReader row(parse_json(line, source), source);
  rows.step = row.integer("step", {0, kMostListed});
  rows.epoch = row.number("epoch", 0.0);
  if (const auto loss = finite(row, "train/loss")) rows.train_loss = loss;
  if (const auto loss = finite(row, "valid/loss"))
    rows.best_valid_loss = std::min(*loss, rows.best_valid_loss.value_or(*loss));
}

// Rows without a validation are read only where they are the last.
Rows read_rows(const fs::path& file) {
  Rows rows;
  if (!is_there(file)) return rows;
  const std::string content = read_file(file);
  std::string_view rest(content);
  rest = rest.substr(0, rest.rfind('\n') + 1);
  for (std::int64_t number = 1; !rest.empty(); ++number) {
    const std::size_t end = rest.find('\n');
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    if (rest.empty() || line.find("\"valid/loss\"") != line.npos)
      take_row(line, concat(file.string(), ":", number), rows);
  }
  return rows;
}

// What the newest whole checkpoint says.
struct Saved {
  std::int64_t step = -1;  // none
  std::int64_t tokens = 0;
  double seconds = 0;
};

Saved read_saved(const fs::path& folder) {
  const auto whole = list_checkpoints(folder);
  check(!whole.empty() || checkpoint_folders(folder).empty(), ErrorKind::Checkpoint,
        (folder / "checkpoints").string(), ": must hold a whole checkpoint, none is");
  if (whole.empty()) return {};
  const fs::path file = whole.back() / "trainer.json";
  const JsonReader trainer(read_json(file), file.string());
  return {checkpoint_step(whole.back()), trainer.integer("tokens", {0, kMostListed}, 0),
          trainer.number("elapsed_seconds", 0.0)};
}

bool has_reached_limit(const TrainConfig& train, const Saved& saved, const Rows& rows) {
  const bool all_rows = rows.step <= saved.step;
  return saved.step >= 0 &&
         ((train.max_steps && saved.step >= *train.max_steps) ||
          (train.max_tokens && saved.tokens >= *train.max_tokens) ||
          (train.max_seconds && saved.seconds >= *train.max_seconds) ||
          (train.max_epochs && all_rows && rows.epoch >= static_cast<double>(*train.max_epochs)));
}

RunState state_of(const fs::path& folder, const TrainConfig& train, const Saved& saved,
                  const Rows& rows) {
  if (is_held(folder)) return RunState::Running;
  if (has_reached_limit(train, saved, rows)) return RunState::Finished;
  return saved.step >= rows.step ? RunState::Stopped : RunState::Failed;
}

void measure(ListedRun& run) {
  using Time = fs::file_time_type;
  Time newest = Time::min();
  std::error_code failure, ignored;
  for (fs::recursive_directory_iterator entry(run.folder, failure), end; !failure && entry != end;
       entry.increment(failure)) {
    const Time time = entry->last_write_time(ignored);
    if (!ignored) newest = std::max(newest, time);
    if (!entry->is_regular_file(ignored) || entry->is_symlink(ignored)) continue;
    const auto size = entry->file_size(ignored);
    if (!ignored) run.bytes += static_cast<std::int64_t>(size);
  }
  if (newest == Time::min()) return;
  run.age_seconds =
      std::max(0.0, std::chrono::duration<double>(Time::clock::now() - newest).count());
}

ListedRun look_at(const fs::path& folder) {
  const RunConfig config =
      read_run_config(config::Document::from_file(folder / "config.yaml", {}, "."));
  ListedRun run;
  run.folder = folder;
  const Saved saved = read_saved(folder);
  const Rows rows = read_rows(folder / "metrics.jsonl");
  run.state = state_of(folder, config.train, saved, rows);
  run.step = std::max({std::int64_t{0}, saved.step, rows.step});
  run.max_steps = config.train.max_steps;
  run.train_loss = rows.train_loss;
  run.best_valid_loss = rows.best_valid_loss;
  measure(run);
  return run;
}

void add(const fs::path& folder, RunList& list) {
  try {
    list.runs.push_back(look_at(folder));
  } catch (const Error& problem) {
    if (problem.kind() == ErrorKind::Memory || problem.kind() == ErrorKind::Internal) throw;
    list.damaged.push_back({folder, problem.what()});
  } catch (const fs::filesystem_error& problem) {
    list.damaged.push_back(
        {folder, concat(problem.path1().string(), ": ", problem.code().message())});
  }
}

void look_below(const fs::path& folder, int depth, RunList& list) {
  if (looks_like_run(folder)) return add(folder, list);
  std::error_code failure, ignored;
  std::vector<fs::path> folders;
  for (fs::directory_iterator entry(folder, failure), end; !failure && entry != end;
       entry.increment(failure))
    if (entry->is_directory(ignored) && !entry->is_symlink(ignored))
      folders.push_back(entry->path());
  if (failure) list.damaged.push_back({folder, concat("must be readable: ", failure.message())});
  std::ranges::sort(folders);
  if (depth < kMaxDepth)
    for (const fs::path& below : folders) look_below(below, depth + 1, list);
}

}  // namespace

std::string_view name_of(RunState state) {
  constexpr std::string_view kNames[] = {"running", "finished", "stopped", "failed"};
  return kNames[static_cast<std::size_t>(state)];
}

RunList list_runs(const fs::path& folder) {
  std::error_code failure;
  const bool is_folder = fs::is_directory(folder, failure);
  check(is_folder, ErrorKind::Config, folder.string(), ": must be a folder with runs, got ",
        failure ? failure.message() : "a file");
  RunList list;
  look_below(folder, 0, list);
  return list;
}

}  // namespace longspan
