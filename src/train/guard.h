#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "longspan/run/guard_config.h"

namespace longspan {

/// Decides what becomes of steps that must not count. A pure function of what the steps' sums over
/// all ranks were, so that all ranks, and a run that was resumed, decide alike.
class Guard {
 public:
  /// All that another Guard needs to go on alike.
  struct State {
    std::int64_t skips_in_a_row = 0;
    /// Nats a token, of the last updates, at most spike_window_steps of them, the oldest first;
    /// empty where spikes are not looked for.
    std::vector<double> losses;
    std::int64_t rollbacks = 0;
  };
  struct Verdict {
    GuardAction action = GuardAction::Stop;
    std::string
        reason;  ///< why nothing milder, " after 3 updates skipped in a row (...)"; or empty
  };

  /// @param config is_needed()
  explicit Guard(const GuardConfig& config) : config_(config) {}

  const GuardConfig& config() const { return config_; }
  const State& state() const { return state_; }
  void set_state(const State& state) { state_ = state; }
  /// Takes up the state of a checkpoint that the run was rolled back to; rollbacks stay counted.
  void roll_back_to(const State& earlier);

  /// Counts an update that was done, whose batch had this loss in nats a token.
  void count_update(double loss);
  /// Returns the highest loss that is no spike, by whichever rule is stricter; nothing where none
  /// is looked for, and until as many updates were done as there are steps in the window.
  std::optional<double> highest_loss() const;
  /// Returns what to do about a step whose loss or gradient is not finite, and counts it.
  [[nodiscard]] Verdict judge_non_finite() { return judge(config_.non_finite); }
  /// Returns what to do about a step whose loss is above highest_loss(), and counts it.
  [[nodiscard]] Verdict judge_spike() { return judge(config_.spike); }

 private:
  Verdict judge(GuardAction action);
  Verdict judge_rollback();

  GuardConfig config_;
  State state_;
};

}  // namespace longspan
