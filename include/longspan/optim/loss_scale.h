#pragma once

#include <cstdint>

#include "longspan/config/reader.h"

namespace longspan {

/// How the loss scale of float16 starts and moves; fairseq's defaults.
struct LossScaleConfig {
  double init = 128.0;      ///< fairseq's --fp16-init-scale
  std::int64_t window = 0;  ///< updates without overflow that double it; 0, in the file `auto`
  double min = 1e-4;        ///< fairseq's --min-loss-scale: training ends where it gets this low
};

/// Reads the loss_scale section. @throws Error(Config)
LossScaleConfig read_loss_scale_config(const config::Reader& reader);

/// The factor that lifts float16 gradients off the bottom of their range, by the rules of fairseq's
/// dynamic loss scaler at its default tolerance of 0: each overflow halves it, and it doubles after
/// every `window` updates in a row without one. A pure function of that sequence.
class LossScale {
 public:
  /// All that another LossScale needs to go on alike; fairseq's own checkpoints lack the count.
  struct State {
    double scale = 0.0;
    std::int64_t updates = 0;  ///< since the last overflow or doubling
  };

  /// @param passes_per_step over all ranks, >= 1 (fairseq's world size times update frequency): a
  /// window of auto is floor(2^14 / passes_per_step), at least 1
  LossScale(const LossScaleConfig& config, std::int64_t passes_per_step);

  double scale() const { return state_.scale; }
  std::int64_t window() const { return window_; }
  const State& state() const { return state_; }
  void set_state(const State& state) { state_ = state; }

  /// Counts an update whose gradient was finite.
  void count_update();
  /// Halves the scale after an overflow. Returns false, and changes nothing, where that would leave
  /// it at the configured minimum or below.
  [[nodiscard]] bool back_off();

 private:
  double min_;
  std::int64_t window_;
  State state_;
};

}  // namespace longspan
