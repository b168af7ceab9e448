#pragma once

#include <array>
#include <optional>

#include "longspan/core/signals.h"

namespace longspan {

/// Counts the signals that a run knows while it lives; one at a time in a process. Uses handlers,
/// since LibTorch's threads would take a signal that only this thread blocks.
class SignalCounter {
 public:
  SignalCounter();

  /// Returns the next signal that was not returned yet.
  std::optional<int> next();

 private:
  std::array<int, kRunSignals.size()> returned_{};
  std::optional<CaughtSignals> caught_;
};

}  // namespace longspan
