#pragma once

#include <array>
#include <csignal>
#include <optional>

#include "longspan/core/signals.h"

namespace longspan {

/// Counts the signals that a run knows while it lives; one at a time in a process. One that the
/// parent had ignored stays ignored. Uses handlers, since LibTorch's threads would take a signal
/// that only this thread blocks.
class SignalCounter {
 public:
  SignalCounter();
  ~SignalCounter();
  SignalCounter(const SignalCounter&) = delete;
  SignalCounter& operator=(const SignalCounter&) = delete;

  /// Returns the next signal that was not returned yet.
  std::optional<int> next();

  static constexpr std::size_t kCount = kStopSignals.size() + 1;

 private:
  std::array<struct sigaction, kCount> before_{};
  std::array<int, kCount> returned_{};
};

}  // namespace longspan
