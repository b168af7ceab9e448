#pragma once

#include <array>
#include <csignal>
#include <cstddef>

namespace longspan {

/// The signals that save a run and end it with 128 + their number: Ctrl-C, a scheduler, a closed
/// terminal, a limit of processor time.
inline constexpr std::array kStopSignals{SIGINT, SIGTERM, SIGHUP, SIGXCPU};
/// The signal that saves a run, which then goes on.
inline constexpr int kSaveSignal = SIGUSR1;
/// All of them.
inline constexpr std::array kRunSignals{SIGINT, SIGTERM, SIGHUP, SIGXCPU, SIGUSR1};
static_assert(kRunSignals.size() == kStopSignals.size() + 1 && kRunSignals.back() == kSaveSignal);

/// Has the save signal wait. For a child that has yet to become a program which begins with
/// survive_save_signal(): until then the signal would end it.
void hold_save_signal();
/// Has the save signal, whose default is to end the process, do nothing where nothing else is
/// caught, and ends hold_save_signal(). For a program's start.
void survive_save_signal();

/// Has a handler called for each of kRunSignals while it lives, but for those that the parent had
/// ignored (nohup, a shell's background job), which stay so. System calls go on after it.
class CaughtSignals {
 public:
  explicit CaughtSignals(void (*handler)(int));
  ~CaughtSignals();
  CaughtSignals(const CaughtSignals&) = delete;
  CaughtSignals& operator=(const CaughtSignals&) = delete;

 private:
  std::array<struct sigaction, kRunSignals.size()> before_{};
};

}  // namespace longspan
