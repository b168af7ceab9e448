#pragma once

#include <cstdint>
#include <optional>

#include "longspan/config/reader.h"

namespace longspan {

enum class ScheduleKind { Cosine, Linear, InverseSqrt, Constant };

/// The learning rate as a function of the number of completed steps.
struct ScheduleConfig {
  ScheduleKind kind = ScheduleKind::Cosine;
  double peak_lr = 0.0;
  double min_lr = 0.0;  ///< cosine, linear: reached at the end of the period
  std::int64_t warmup_steps = 0;
  double warmup_init_lr = 0.0;
  std::int64_t period_steps =
      0;  ///< cosine, linear: steps after warm-up; 0: max_steps - warmup_steps
  double period_factor =
      1.0;  ///< cosine: each period is longer than the last by this (fairseq's t-mult)
  double shrink =
      1.0;  ///< cosine: each period's rates are multiplied by this once more (fairseq's lr-shrink)
};

/// Reads the schedule section. @param max_steps fills period_steps when it is missing; nothing
/// when the run has no such limit
ScheduleConfig read_schedule_config(const config::Reader& reader,
                                    std::optional<std::int64_t> max_steps);
/// Returns the rate of step number `step` (counted from 0): the one after `step` completed steps.
/// The cosine is fairseq's, restarts included; linear falls to min_lr and stays; inverse_sqrt is
/// peak * sqrt(warmup / step).
double learning_rate(const ScheduleConfig& config, std::int64_t step);

}  // namespace longspan
