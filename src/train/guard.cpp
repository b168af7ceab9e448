// The window is summed anew for each step, in the order of steps: what a run decides does not
// depend on where it was resumed.

#include "train/guard.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "longspan/core/error.h"

namespace longspan {
namespace {

double mean_of(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double deviation_of(const std::vector<double>& values, double mean) {
  double squares = 0.0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return std::sqrt(squares / static_cast<double>(values.size() - 1));
}

}  // namespace

void Guard::count_update(double loss) {
  state_.skips_in_a_row = 0;
  if (config_.spike == GuardAction::Off) return state_.losses.clear();
  state_.losses.push_back(loss);
  const auto window = static_cast<std::size_t>(config_.spike_window_steps);
  if (state_.losses.size() > window)
    state_.losses.erase(state_.losses.begin(), state_.losses.end() - config_.spike_window_steps);
}

std::optional<double> Guard::highest_loss() const {
  if (config_.spike == GuardAction::Off ||
      state_.losses.size() < static_cast<std::size_t>(config_.spike_window_steps))
    return std::nullopt;
  const double mean = mean_of(state_.losses);
  double highest = std::numeric_limits<double>::infinity();
  if (config_.spike_deviations > 0.0)
    highest = mean + config_.spike_deviations * deviation_of(state_.losses, mean);
  if (config_.spike_factor > 0.0) highest = std::min(highest, config_.spike_factor * mean);
  return highest;
}

void Guard::roll_back_to(const State& earlier) {
  state_ = {earlier.skips_in_a_row, earlier.losses, state_.rollbacks};
}

Guard::Verdict Guard::judge(GuardAction action) {
  if (action == GuardAction::Rollback) return judge_rollback();
  if (action == GuardAction::Stop) return {};
  if (state_.skips_in_a_row >= config_.max_skips)
    return {GuardAction::Stop, concat(" after ", state_.skips_in_a_row,
                                      " updates skipped in a row (train.guard.max_skips)")};
  ++state_.skips_in_a_row;
  return {GuardAction::Skip, ""};
}

Guard::Verdict Guard::judge_rollback() {
  if (state_.rollbacks >= config_.max_rollbacks)
    return {GuardAction::Stop,
            concat(" after ", state_.rollbacks, " rollbacks (train.guard.max_rollbacks)")};
  ++state_.rollbacks;
  return {GuardAction::Rollback, ""};
}

}  // namespace longspan
