// Learning-rate schedules: a linear warm-up, then the kind's own curve over the steps that follow.

#include "longspan/optim/schedule.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <string_view>

#include "longspan/config/choice.h"
#include "longspan/core/error.h"
#include "optim/options.h"

namespace longspan {
namespace {

using Curve = double (*)(const ScheduleConfig&, double);

// fairseq's cosine_lr_scheduler.py, in its order of operations: at an exact restart the rounding of
// the logarithm decides which period a step belongs to.
double cosine(const ScheduleConfig& config, double step) {
  const auto period = static_cast<double>(config.period_steps);
  const double factor = config.period_factor;
  double number = 0.0, start = 0.0, length = period;
  if (factor == 1.0) {
    number = std::floor(step / period);
    start = number * period;
  } else {
    number = std::floor(std::log(1.0 - step / period * (1.0 - factor)) / std::log(factor));
    length = std::pow(factor, number) * period;
    start = (1.0 - std::pow(factor, number)) / (1.0 - factor) * period;
  }
  const double shrink = std::pow(config.shrink, number);
  const double low = config.min_lr * shrink, high = config.peak_lr * shrink;
  return low + 0.5 * (high - low) * (1.0 + std::cos(std::numbers::pi * (step - start) / length));
}

double linear(const ScheduleConfig& config, double step) {
  const double done = std::min(1.0, step / static_cast<double>(config.period_steps));
  return config.peak_lr + (config.min_lr - config.peak_lr) * done;
}

double inverse_sqrt(const ScheduleConfig& config, double step) {
  const double warmup = std::max(1.0, static_cast<double>(config.warmup_steps));
  return config.peak_lr * std::sqrt(warmup / (warmup + step));
}

double constant(const ScheduleConfig& config, double) { return config.peak_lr; }

struct Kind {
  std::string_view name;
  ScheduleKind value;
  Curve curve;
  bool has_period;    // period_steps and min_lr
  bool has_restarts;  // period_factor and shrink
};
constexpr std::array kScheduleKinds{
    Kind{"cosine", ScheduleKind::Cosine, cosine, true, true},
    Kind{"linear", ScheduleKind::Linear, linear, true, false},
    Kind{"inverse_sqrt", ScheduleKind::InverseSqrt, inverse_sqrt, false, false},
    Kind{"constant", ScheduleKind::Constant, constant, false, false},
};

// Refuses options that a kind lacks. @param has the flag of the kinds that have them
void refuse_options(const config::Reader& reader, const Kind& chosen, bool Kind::*has,
                    const std::array<const char*, 2>& keys) {
  std::vector<std::string> owners;
  for (const auto& kind : kScheduleKinds)
    if (kind.*has) owners.emplace_back(kind.name);
  for (const auto* key : keys) refuse_option(reader, key, chosen.name, owners);
}

std::int64_t read_period(const config::Reader& reader, std::int64_t warmup_steps,
                         std::optional<std::int64_t> max_steps) {
  const std::int64_t given =
      reader.integer("period_steps", {.low = 0, .high = std::int64_t{1} << 40}, 0);
  if (given > 0) return given;
  check(max_steps.has_value(), ErrorKind::Config, reader.place("period_steps"),
        " must be given when the run has no train.max_steps, got none");
  return std::max<std::int64_t>(
      1, *max_steps - warmup_steps);  // a run that ends in its warm-up never gets there
}

void read_curve(const config::Reader& reader, const Kind& kind,
                std::optional<std::int64_t> max_steps, ScheduleConfig& config) {
  if (kind.has_period) {
    config.min_lr = reader.number("min_lr", {.low = 0.0, .high = config.peak_lr}, config.min_lr);
    config.period_steps = read_period(reader, config.warmup_steps, max_steps);
  } else {
    refuse_options(reader, kind, &Kind::has_period, {"min_lr", "period_steps"});
  }
  if (kind.has_restarts) {
    config.period_factor =
        reader.number("period_factor", {.low = 1.0, .high = 1e6}, config.period_factor);
    config.shrink = reader.number("shrink", {.high = 1.0, .above = 0.0}, config.shrink);
  } else {
    refuse_options(reader, kind, &Kind::has_restarts, {"period_factor", "shrink"});
  }
}

}  // namespace

ScheduleConfig read_schedule_config(const config::Reader& reader,
                                    std::optional<std::int64_t> max_steps) {
  ScheduleConfig config;
  config.kind = config::choice(reader, "kind", kScheduleKinds, config.kind);
  config.peak_lr = reader.number("peak_lr", {.above = 0.0});
  config.warmup_steps = reader.integer("warmup_steps", {.low = 0, .high = std::int64_t{1} << 40},
                                       config.warmup_steps);
  if (config.warmup_steps > 0) {
    config.warmup_init_lr = reader.number("warmup_init_lr", {.low = 0.0, .high = config.peak_lr},
                                          config.warmup_init_lr);
  } else {
    check(!reader.has("warmup_init_lr"), ErrorKind::Config, reader.place("warmup_init_lr"),
          " must not be given without a warm-up, got warmup_steps 0");
  }
  read_curve(reader, config::row_of(kScheduleKinds, config.kind), max_steps, config);
  reader.finish();
  return config;
}

double learning_rate(const ScheduleConfig& config, std::int64_t step) {
  if (step < config.warmup_steps) {
    const double increase =
        (config.peak_lr - config.warmup_init_lr) / static_cast<double>(config.warmup_steps);
    return config.warmup_init_lr + static_cast<double>(step) * increase;
  }
  return config::row_of(kScheduleKinds, config.kind)
      .curve(config, static_cast<double>(step - config.warmup_steps));
}

}  // namespace longspan
