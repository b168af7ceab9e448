// The speed of the steps since the last row of metrics.

#include "train/log_interval.h"

#include <algorithm>

namespace longspan {

void LogInterval::measure(MetricRow& row) const {
  const double since = std::chrono::duration<double>(Clock::now() - start_).count();
  const double seconds = std::max(1e-9, since - paused_seconds_);
  row.tokens_per_second = static_cast<double>(targets_) / seconds;
  row.step_seconds = seconds / static_cast<double>(std::max<std::int64_t>(1, steps_));
  row.data_wait_fraction = data_wait_seconds_ / seconds;
}

}  // namespace longspan
