#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "longspan/run/run_config.h"

namespace longspan {

/// Whether a key of the configuration may change while a run goes on.
enum class KeyRule {
  Fixed,                ///< the steps to come would mean something else than those before
  FixedInFairseqOrder,  ///< Fixed with data.order fairseq, whose passes it forms; else Free
  MeasuresBest,         ///< Free, but the best validation so far is of another measure
  Free,                 ///< how long, how fast, how often, and what a user adjusts on the way
};
/// Returns whether an entry, a key or a section by its dotted path, covers a key.
bool covers(std::string_view entry, std::string_view key);
/// Returns the rule of a key, given by its dotted path; nothing for a key that has none.
std::optional<KeyRule> rule_of(std::string_view key);

/// A key whose value differs between two configurations.
struct ConfigChange {
  std::string key;
  std::string before, now;  ///< YAML flow text; "absent" where there is none
  KeyRule rule = KeyRule::Free;
};

/// Compares what a run was saved with to what it is to go on with, key by key. A period of the
/// schedule that follows another key counts as changed with it.
/// @param saved the resolved text of a checkpoint; keys that an older version did not know have
/// their fallbacks  @param name the text's, for errors
/// @throws Error(Config) when the saved text cannot be read; Error(Internal) for a key without rule
std::vector<ConfigChange> config_changes(std::string_view saved, const std::string& name,
                                         const RunConfig& now);
/// The same of a configuration that is read already.
std::vector<ConfigChange> config_changes(const RunConfig& before, const RunConfig& now);

}  // namespace longspan
