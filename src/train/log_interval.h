#pragma once

#include <chrono>
#include <cstdint>

#include "train/metric_row.h"
#include "train/step.h"

namespace longspan {

/// Measures the steps between two rows of metrics.
class LogInterval {
 public:
  using Clock = std::chrono::steady_clock;

  /// Runs work whose seconds are no part of a step (validation, a save) and returns its result.
  template <class Work>
  auto pause(const Work& work) {
    const Span span(paused_seconds_);
    return work();
  }
  /// Runs work that waits for data and returns its result, a reference too.
  template <class Work>
  decltype(auto) wait_for_data(const Work& work) {
    const Span span(data_wait_seconds_);
    return work();
  }
  void count(const StepResult& result) {
    ++steps_;
    targets_ += result.num_targets;
  }
  /// Sets what a row says of speed.
  void measure(MetricRow& row) const;

 private:
  struct Span {
    explicit Span(double& the_seconds) : seconds(the_seconds) {}
    ~Span() { seconds += std::chrono::duration<double>(Clock::now() - start).count(); }
    double& seconds;
    Clock::time_point start = Clock::now();
  };

  Clock::time_point start_ = Clock::now();
  double data_wait_seconds_ = 0.0, paused_seconds_ = 0.0;
  std::int64_t steps_ = 0, targets_ = 0;
};

}  // namespace longspan
