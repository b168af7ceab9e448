// A run that goes on with another configuration.

#include "train/changed_config.h"

#include <algorithm>
#include <array>

#include "longspan/config/leaves.h"
#include "longspan/core/error.h"
#include "longspan/run/config_changes.h"

namespace longspan {
namespace {

bool is_refused(const ConfigChange& change, const std::vector<std::string>& allowed) {
  return change.rule == KeyRule::Fixed && std::ranges::none_of(allowed, [&](const auto& entry) {
           return covers(entry, change.key);
         });
}

bool measures_best(const ConfigChange& change) { return change.rule == KeyRule::MeasuresBest; }

// Positions may be scaled by the trained length.
bool changes_model(const ConfigChange& change) {
  if (covers("model.dropout", change.key) || covers("model.init", change.key)) return false;
  return std::ranges::any_of(std::array{"model", "position", "data.seq_len"},
                             [&](const char* entry) { return covers(entry, change.key); });
}

// The same name may have stood for another order when the run was saved.
void add_change_of_order(std::int64_t saved_version, BatchOrder order,
                         std::vector<ConfigChange>& changes) {
  const std::string key = "data.order";
  const std::int64_t version = version_of(order);
  if (saved_version == version ||
      std::ranges::find(changes, key, &ConfigChange::key) != changes.end())
    return;
  const auto text = [&](std::int64_t its_version) {
    return concat(name_of(order), " of version ", its_version);
  };
  changes.push_back({key, text(saved_version), text(version), KeyRule::Fixed});
}

}  // namespace

void check_allowed_changes(const RunConfig& config, const TrainOptions& options) {
  const auto keys = config::leaves(config.resolved, "the configuration");
  for (const auto& entry : options.allow_change)
    check(std::ranges::any_of(keys, [&](const auto& leaf) { return covers(entry, leaf.first); }),
          ErrorKind::Config,
          "--allow-change must name a key or a section of the configuration, got ", entry);
}

TakenUp take_up_config(const std::string& saved, const RunConfig& config,
                       const TrainOptions& options, RunProgress& progress) {
  auto changes = config_changes(
      saved, concat("the config.yaml of the checkpoint of step ", progress.step), config);
  add_change_of_order(progress.data_order_version, config.data.order, changes);
  progress.data_order_version = version_of(config.data.order);
  std::string refused, accepted;
  for (const auto& change : changes) {
    if (is_refused(change, options.allow_change))
      refused += concat(refused.empty() ? "" : "; ", change.key, " was ", change.before, ", got ",
                        change.now);
    else
      accepted +=
          concat(accepted.empty() ? "" : ", ", change.key, " ", change.before, " -> ", change.now);
  }
  check(refused.empty(), ErrorKind::Config, options.run_folder.string(),
        ": a run that goes on must keep what its steps mean: ", refused,
        "; set what it was, start another run with --run, or permit it with --allow-change KEY");
  if (progress.best_value && std::ranges::any_of(changes, measures_best)) {
    progress.best_value.reset();
    accepted += "; the best validation is looked for anew, since its measure is another";
  }
  return {accepted.empty() ? "" : "going on with a changed configuration: " + accepted,
          std::ranges::any_of(changes, changes_model)};
}

}  // namespace longspan
