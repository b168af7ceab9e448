#pragma once

namespace longspan {

/// Catches SIGINT and SIGTERM while it lives, so that the loop can save and end. A second signal of
/// the same kind ends the process at once.
class SignalGuard {
 public:
  SignalGuard();
  ~SignalGuard();
  SignalGuard(const SignalGuard&) = delete;
  SignalGuard& operator=(const SignalGuard&) = delete;

  /// Returns the signal that came, or 0.
  static int received();
};

}  // namespace longspan
