#pragma once

#include <chrono>
#include <optional>

#include "longspan/core/signals.h"

namespace longspan {

/// Catches the stop signals, and SIGUSR1, which asks for a save, while it lives; says at once in
/// the log that one came and what is waited for. A second SIGINT ends the process at once, for who
/// cannot wait; others come twice by themselves: SIGHUP from the shell and the terminal, SIGXCPU
/// each second, SIGTERM from each layer of a scheduler. At most one lives at a time.
class SignalWatch {
 public:
  /// @param end when the process is to stop as if SIGTERM had come; nothing for never
  explicit SignalWatch(std::optional<std::chrono::steady_clock::time_point> end);
  ~SignalWatch();
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

  /// Returns the stop signal that came last, or 0. To be asked by one thread.
  static int stop_signal();
  /// Returns whether SIGUSR1 came since the last call.
  static bool take_save_request();
  /// Sets what the log says is waited for. @param what a text that lives as long as the program
  static void set_current_work(const char* what);

 private:
  std::optional<CaughtSignals> caught_;
};

}  // namespace longspan
