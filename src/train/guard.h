#pragma once

#include <cstdint>
#include <string>

#include "longspan/run/guard_config.h"

namespace longspan {

/// Decides what becomes of steps that must not count. A pure function of what the steps' sums over
/// all ranks were, so that all ranks, and a run that was resumed, decide alike.
class Guard {
 public:
  /// All that another Guard needs to go on alike.
  struct State {
    std::int64_t skips_in_a_row = 0;
  };

  explicit Guard(const GuardConfig& config) : config_(config) {}

  const GuardConfig& config() const { return config_; }
  const State& state() const { return state_; }
  void set_state(const State& state) { state_ = state; }

  /// Counts an update that was done.
  void count_update() { state_.skips_in_a_row = 0; }
  /// Returns what to do about a step whose loss or gradient is not finite, and counts it.
  [[nodiscard]] GuardAction judge_non_finite();
  /// Returns why it does not leave out one more, " after 3 updates skipped in a row (...)".
  std::string reason_to_stop() const;

 private:
  GuardAction allowed(GuardAction action);

  GuardConfig config_;
  State state_;
};

}  // namespace longspan
