// fairseq counts iterations and compares them with that of the last overflow modulo the window; the
// updates since the last overflow or doubling say the same.

#include "longspan/optim/loss_scale.h"

#include <algorithm>
#include <optional>

#include "longspan/core/error.h"

namespace longspan {
namespace {

constexpr double kFactor = 2.0;
constexpr std::int64_t kPassesAWindow = 1 << 14;

}  // namespace

LossScaleConfig read_loss_scale_config(const config::Reader& reader) {
  LossScaleConfig result;
  // Far below the end of float32, in which the scaled gradients are summed.
  result.init = reader.number("init", {.high = 1e30, .above = 0.0}, result.init);
  result.window =
      reader.integer_or("window", "auto", {.low = 1, .high = 1 << 30}, std::nullopt).value_or(0);
  result.min = reader.number("min", {.above = 0.0}, result.min);
  check(result.init > result.min, ErrorKind::Config, reader.place("init"),
        " must be greater than min (", result.min, "), got ", result.init);
  reader.finish();
  return result;
}

LossScale::LossScale(const LossScaleConfig& config, std::int64_t passes_per_step)
    : min_(config.min),
      window_(config.window > 0 ? config.window
                                : std::max<std::int64_t>(1, kPassesAWindow / passes_per_step)),
      state_{config.init, 0} {}

void LossScale::count_update() {
  if (++state_.updates < window_) return;
  state_ = {state_.scale * kFactor, 0};
}

bool LossScale::back_off() {
  const double halved = state_.scale / kFactor;
  if (halved <= min_) return false;
  state_ = {halved, 0};
  return true;
}

}  // namespace longspan
