// The folder of a run. Only config.yaml must be there: a report shows what a run that failed or
// still trains has.
#include "report/run_folder.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>

#include "longspan/config/reader.h"
#include "longspan/core/error.h"
#include "longspan/core/files.h"
#include "longspan/core/progress.h"

namespace longspan::report {
namespace {

namespace fs = std::filesystem;

std::string recipe_of(const std::string& config) {
  std::string recipe;
  for (std::size_t begin = 0; begin < config.size();) {
    const std::size_t end = std::min(config.find('\n', begin), config.size() - 1) + 1;
    const std::string line = config.substr(begin, end - begin);
    if (!line.starts_with("name:") && !line.starts_with("seed:")) recipe += line;
    begin = end;
  }
  return recipe;
}

std::vector<fs::path> json_files(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(folder, none))
    if (entry.path().extension() == ".json") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

std::vector<fs::path> evaluation_files(const fs::path& run) {
  return json_files(run / "evaluations");
}
std::vector<fs::path> reach_files(const fs::path& run) { return json_files(run / "attention"); }

std::vector<Evaluation> read_evaluations(const fs::path& run) {
  const std::vector<fs::path> files = evaluation_files(run);
  std::vector<Evaluation> evaluations;
  evaluations.reserve(files.size());
  for (const fs::path& file : files) evaluations.push_back(read_evaluation(file));
  return evaluations;
}

}  // namespace

Run read_run(const fs::path& folder) {
  const fs::path config = folder / "config.yaml";
  check(fs::is_regular_file(config), ErrorKind::Config, folder.string(),
        ": must be the folder of a run, which holds config.yaml, got ",
        fs::is_directory(folder) ? "a folder without it" : "no folder");
  const auto document = config::Document::from_file(config);
  const config::Reader root = document.root();
  Run run;
  run.name = root.text("name");
  run.seed = root.integer("seed", {}, 1);
  run.method = root.section("position").text("kind");
  run.train_length = root.section("data").integer("seq_len", {.low = 1});
  run.config = read_file(config);
  run.recipe = recipe_of(run.config);
  if (fs::exists(folder / "environment.json"))
    run.environment = read_json(folder / "environment.json");
  if (fs::exists(folder / "metrics.jsonl")) run.history = read_history(folder / "metrics.jsonl");
  run.evaluations = read_evaluations(folder);
  for (const fs::path& file : reach_files(folder)) run.reaches.push_back(read_reach(file));
  return run;
}

std::vector<fs::path> distinct(const std::vector<fs::path>& folders) {
  std::vector<fs::path> once, seen;
  for (const fs::path& folder : folders) {
    const fs::path canonical = fs::weakly_canonical(folder);
    if (std::find(seen.begin(), seen.end(), canonical) != seen.end()) continue;
    once.push_back(folder);
    seen.push_back(canonical);
  }
  return once;
}

void tell_apart(std::vector<Run>& runs, const std::vector<fs::path>& folders) {
  std::map<std::string, int> uses;
  for (const Run& run : runs) ++uses[run.name];
  for (std::size_t i = 0; i < runs.size(); ++i)
    if (uses[runs[i].name] > 1)
      runs[i].name += concat(" (", fs::weakly_canonical(folders[i]).string(), ")");
}

std::vector<Run> read_runs(const std::vector<fs::path>& folders) {
  const std::vector<fs::path> once = distinct(folders);
  std::vector<Run> runs;
  runs.reserve(once.size());
  ProgressLine progress;
  for (const fs::path& folder : once) {
    progress.update([&] {
      return concat("report | reads run ", runs.size() + 1, " of ", once.size(), ", ",
                    folder.string());
    });
    runs.push_back(read_run(folder));
  }
  tell_apart(runs, once);
  return runs;
}

std::string state_of_files(const fs::path& folder) {
  std::vector<fs::path> files = evaluation_files(folder);
  std::ranges::copy(reach_files(folder), std::back_inserter(files));
  for (const char* name : {"config.yaml", "environment.json", "metrics.jsonl"})
    files.push_back(folder / name);
  std::string state;
  for (const fs::path& file : files) {
    std::error_code failure;
    const auto size = fs::file_size(file, failure);
    if (failure) continue;
    const auto time = fs::last_write_time(file, failure);
    state += concat(file.string(), " ", size, " ", time.time_since_epoch().count(), "\n");
  }
  return state;
}

std::vector<std::string> missing_parts(const std::vector<Run>& runs) {
  std::vector<std::string> notes;
  for (const Run& run : runs) {
    const bool scored = std::any_of(run.evaluations.begin(), run.evaluations.end(),
                                    [](const Evaluation& each) { return !each.cells.empty(); });
    if (!scored)
      notes.push_back(run.name +
                      " has no evaluations, so no line in the extrapolation plots; "
                      "longspan evaluate makes them");
    if (run.history.empty())
      notes.push_back(run.name + " has no rows in metrics.jsonl, so no training curve");
    if (!run.environment.is_object()) notes.push_back(run.name + " has no environment.json");
  }
  return notes;
}

}  // namespace longspan::report
