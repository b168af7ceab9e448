#pragma once

#include <optional>

#include "longspan/core/signals.h"

namespace longspan {

/// Ends the process at a stop signal while it lives, wherever its threads are: removes what is
/// being written under temporary names, says in one line of the log that the signal came, and exits
/// with 128 + its number. What has its final name is whole and stays. A second SIGINT ends the
/// process at once. Who catches the signals meanwhile (a run that trains, which saves first) comes
/// first. At most one lives at a time, in the main thread.
class EndOnSignal {
 public:
  EndOnSignal();
  ~EndOnSignal();
  EndOnSignal(const EndOnSignal&) = delete;
  EndOnSignal& operator=(const EndOnSignal&) = delete;

  /// Sets what the line says besides: what stays, and how to go on.
  /// @param text that lives as long as the program
  static void set_advice(const char* text);

 private:
  std::optional<CaughtSignals> caught_;
};

}  // namespace longspan
