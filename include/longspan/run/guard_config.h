#pragma once

#include <cstdint>

#include "longspan/config/reader.h"

namespace longspan {

/// What is done about a step that must not count.
enum class GuardAction {
  Off,       ///< not looked for
  Stop,      ///< the run ends
  Skip,      ///< its update is left out
  Rollback,  ///< the run goes on from its newest scheduled checkpoint, past this step's batch
};

/// The train.guard section.
struct GuardConfig {
  GuardAction non_finite = GuardAction::Stop;  ///< where the loss or the gradient is not finite
  GuardAction spike = GuardAction::Off;        ///< where the loss is above what the next keys allow
  std::int64_t spike_window_steps = 128;       ///< updates whose losses are compared with
  double spike_deviations = 6.0;   ///< standard deviations above their mean; 0: not looked at
  double spike_factor = 0.0;       ///< times their mean; 0: not looked at
  std::int64_t max_skips = 10;     ///< in a row; one more stops the run
  std::int64_t max_rollbacks = 3;  ///< of the whole run; one more stops it

  /// Returns whether there is more to do than to stop where something is not finite.
  bool is_needed() const { return non_finite != GuardAction::Stop || spike != GuardAction::Off; }
  bool may(GuardAction action) const { return non_finite == action || spike == action; }
};

/// Reads the guard section. A key that has no effect is an error. @throws Error(Config)
GuardConfig read_guard_config(const config::Reader& reader);

}  // namespace longspan
