// longspan runs [DIR]: which runs there are, and how far.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>

#include "cli/commands.h"
#include "cli/output.h"
#include "longspan/core/error.h"
#include "longspan/core/escaped.h"
#include "longspan/core/json.h"
#include "longspan/core/log.h"
#include "longspan/run/run_list.h"

namespace longspan::cli {
namespace {

template <class Value>
Json or_null(const std::optional<Value>& value) {
  return value ? Json(*value) : Json();
}

Json described(const RunList& list) {
  Json runs = Json::array(), damaged = Json::array();
  for (const ListedRun& run : list.runs)
    runs.push_back({{"run", run.folder.string()},
                    {"state", name_of(run.state)},
                    {"step", run.step},
                    {"max_steps", or_null(run.max_steps)},
                    {"train_loss", or_null(run.train_loss)},
                    {"best_valid_loss", or_null(run.best_valid_loss)},
                    {"age_seconds", run.age_seconds},
                    {"bytes", run.bytes}});
  for (const DamagedRun& run : list.damaged)
    damaged.push_back({{"run", run.folder.string()}, {"problem", run.problem}});
  return {{"runs", runs}, {"damaged", damaged}};
}

std::string loss_text(const std::optional<double>& loss) {
  return loss ? formatted("%.4f", *loss) : "-";
}

std::string age_text(double seconds) {
  constexpr std::pair<const char*, double> kUnits[] = {{"d", 86400}, {"h", 3600}, {"min", 60}};
  for (const auto& [unit, size] : kUnits)
    if (seconds >= 2 * size) return formatted("%.0f %s", std::floor(seconds / size), unit);
  return formatted("%.0f s", std::floor(seconds));
}

std::string step_text(const ListedRun& run) {
  return run.max_steps ? concat(run.step, " of ", *run.max_steps) : std::to_string(run.step);
}

std::string table_of(const RunList& list) {
  std::size_t width = 3;
  for (const ListedRun& run : list.runs)
    width = std::max(width, escaped(run.folder.string()).size());
  const auto row = [&](const std::string& run, const std::string& state, const std::string& step,
                       const std::string& loss, const std::string& valid, const std::string& age,
                       const std::string& size) {
    return formatted("%-*s  %-8s %20s %11s %11s %8s %12s\n", static_cast<int>(width), run.c_str(),
                     state.c_str(), step.c_str(), loss.c_str(), valid.c_str(), age.c_str(),
                     size.c_str());
  };
  std::string table = row("run", "state", "step", "train/loss", "valid/loss", "age", "size");
  for (const ListedRun& run : list.runs)
    table +=
        row(escaped(run.folder.string()), std::string(name_of(run.state)), step_text(run),
            loss_text(run.train_loss), loss_text(run.best_valid_loss), age_text(run.age_seconds),
            formatted("%.1f MiB", static_cast<double>(run.bytes) / (1 << 20)));
  return table;
}

void show_runs(const std::string& folder, const CommonOptions& options) {
  const RunList list = list_runs(folder);
  for (const DamagedRun& run : list.damaged)
    log::warn("the run cannot be read", {{"run", run.folder.string()}, {"problem", run.problem}});
  write_result(options.json ? json_line(described(list)) : table_of(list));
}

}  // namespace

void add_runs(CLI::App& app, Call& call) {
  CommonOptions& options = call.options;
  auto* verb = app.add_subcommand(
      "runs", "List the runs below a folder: state, step, losses (the best of valid/loss), size");
  auto folder = std::make_shared<std::string>("runs");
  verb->add_option("DIR", *folder, "Folder to search")->capture_default_str();
  add_common_options(*verb, options);
  verb->callback([folder, &options] {
    apply(options, DeviceUse::Plans);
    refuse_overrides(options, "runs");
    show_runs(*folder, options);
  });
}

}  // namespace longspan::cli
