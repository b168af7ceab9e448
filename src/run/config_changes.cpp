// What a run may change on its way. Each key stands in the table, a whole section where all keys of
// it are alike; the longest entry that covers a key is its own.

#include "longspan/run/config_changes.h"

#include <algorithm>
#include <array>
#include <map>

#include "longspan/config/leaves.h"
#include "longspan/core/error.h"

namespace longspan {
namespace {

struct Row {
  std::string_view key;
  KeyRule rule;
};

// What the shards hold is compared by their checksums, so the paths to the texts are free.
constexpr std::array kRules{
    Row{"name", KeyRule::Free},
    Row{"seed", KeyRule::Fixed},
    Row{"model", KeyRule::Fixed},
    Row{"position", KeyRule::Fixed},
    Row{"data.train", KeyRule::Free},
    Row{"data.valid", KeyRule::Free},
    Row{"data.test", KeyRule::Free},
    Row{"data.text_key", KeyRule::Free},
    Row{"data.tokenizer", KeyRule::Free},
    Row{"data.shards", KeyRule::Free},
    Row{"data.expect", KeyRule::Free},
    Row{"data.seq_len", KeyRule::Fixed},
    Row{"data.order", KeyRule::Fixed},
    Row{"data.document_bounds", KeyRule::Fixed},
    Row{"optimizer", KeyRule::Free},
    Row{"optimizer.kind", KeyRule::Fixed},
    Row{"schedule", KeyRule::Free},
    Row{"train.max_steps", KeyRule::Free},
    Row{"train.max_tokens", KeyRule::Free},
    Row{"train.max_epochs", KeyRule::Free},
    Row{"train.max_seconds", KeyRule::Free},
    Row{"train.batch_tokens", KeyRule::Fixed},
    Row{"train.micro_batch_tokens", KeyRule::FixedInFairseqOrder},
    Row{"train.precision", KeyRule::Free},
    Row{"train.loss_scale", KeyRule::Free},
    Row{"train.activation_checkpointing", KeyRule::Free},
    Row{"train.check_every_steps", KeyRule::Free},
    Row{"train.guard", KeyRule::Free},
    Row{"validate.every_steps", KeyRule::Free},
    Row{"validate.lengths", KeyRule::MeasuresBest},
    Row{"validate.extrapolation_lengths", KeyRule::Free},
    Row{"validate.max_targets", KeyRule::MeasuresBest},
    Row{"validate.sample", KeyRule::Free},
    Row{"checkpoint.every_steps", KeyRule::Free},
    Row{"checkpoint.keep_last", KeyRule::Free},
    Row{"checkpoint.keep_every_steps", KeyRule::Free},
    Row{"checkpoint.keep_best", KeyRule::MeasuresBest},
    Row{"checkpoint.async", KeyRule::Free},
    Row{"checkpoint.check_loss", KeyRule::Free},
    Row{"distributed.backend", KeyRule::Free},
    Row{"distributed.processes", KeyRule::Free},
    Row{"distributed.timeout_seconds", KeyRule::Free},
    Row{"distributed.bucket_mib", KeyRule::Free},
    Row{"distributed.reduce_precision", KeyRule::Free},
    Row{"distributed.shard_optimizer", KeyRule::Free},
    Row{"distributed.check_every_steps", KeyRule::Free},
    Row{"distributed.bind_cores", KeyRule::Free},
    Row{"log.every_steps", KeyRule::Free},
    Row{"log.tensorboard", KeyRule::Free},
    Row{"log.timeline_steps", KeyRule::Free},
    Row{"log.layer_norms", KeyRule::Free},
    Row{"log.activation_max", KeyRule::Free},
    Row{"log.mfu", KeyRule::Free},
};

KeyRule rule_for(std::string_view key, BatchOrder order) {
  const auto rule = rule_of(key);
  check(rule.has_value(), ErrorKind::Internal, "a key must have a rule for runs that go on, ", key,
        " has none");
  if (*rule != KeyRule::FixedInFairseqOrder) return *rule;
  return order == BatchOrder::Fairseq ? KeyRule::Fixed : KeyRule::Free;
}

std::vector<ConfigChange> differences(const std::vector<config::Leaf>& before,
                                      const std::vector<config::Leaf>& now) {
  constexpr char kAbsent[] = "absent";
  std::map<std::string, std::string> old(before.begin(), before.end());
  std::vector<ConfigChange> changes;
  for (const auto& [key, value] : now) {
    const auto found = old.find(key);
    if (found == old.end())
      changes.push_back({key, kAbsent, value});
    else if (found->second != value)
      changes.push_back({key, found->second, value});
    if (found != old.end()) old.erase(found);
  }
  for (const auto& [key, value] : old) changes.push_back({key, value, kAbsent});
  return changes;
}

// Of corpora by their number: their content is the shards'.
bool are_mixed_alike(const DataConfig& before, const DataConfig& now) {
  return std::ranges::equal(before.mixture, now.mixture, {}, &CorpusConfig::weight,
                            &CorpusConfig::weight);
}

}  // namespace

bool covers(std::string_view entry, std::string_view key) {
  return key.starts_with(entry) && (key.size() == entry.size() || key[entry.size()] == '.');
}

std::optional<KeyRule> rule_of(std::string_view key) {
  const Row* best = nullptr;
  for (const Row& row : kRules)
    if (covers(row.key, key) && (best == nullptr || row.key.size() > best->key.size())) best = &row;
  return best == nullptr ? std::nullopt : std::optional(best->rule);
}

std::vector<ConfigChange> config_changes(std::string_view saved, const std::string& name,
                                         const RunConfig& now) {
  return config_changes(read_run_config(config::Document::from_text(saved, name, "/")), now);
}

std::vector<ConfigChange> config_changes(const RunConfig& before, const RunConfig& now) {
  auto changes = differences(config::leaves(before.resolved, "the configuration before"),
                             config::leaves(now.resolved, "the configuration now"));
  const auto is_period = [](const ConfigChange& change) {
    return change.key == "schedule.period_steps";
  };
  if (before.schedule.period_steps != now.schedule.period_steps &&
      std::ranges::none_of(changes, is_period))
    changes.push_back({"schedule.period_steps", std::to_string(before.schedule.period_steps),
                       std::to_string(now.schedule.period_steps)});
  for (auto& change : changes) {
    change.rule = rule_for(change.key, now.data.order);
    if (covers("data.train", change.key) && !are_mixed_alike(before.data, now.data))
      change.rule = KeyRule::Fixed;
  }
  return changes;
}

}  // namespace longspan
