#pragma once

#include <array>
#include <atomic>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <string>
#include <thread>

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

/// Returns "SIGTERM" for 15, and so on for kRunSignals.
std::string signal_name(int signal);
/// Starts a thread that takes no signal itself, so that nothing interrupts it.
std::thread thread_without_signals(void (*work)());

/// Tells a second Ctrl-C from one key press that comes as two signals: from the terminal and from a
/// program that passes it on. For a handler.
class InterruptTimes {
 public:
  /// Counts a SIGINT. Returns whether it is meant as another one.
  bool is_meant_again();
  /// Has the next SIGINT be the first.
  void forget() { first_ = 0; }

 private:
  std::atomic<std::int64_t> first_{0};  // milliseconds; 0: none came
};

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
