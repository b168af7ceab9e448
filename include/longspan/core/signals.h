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

/// Tells a second Ctrl-C from one key press that comes as two signals: from the terminal and from a
/// program that passes it on.
class InterruptTimes {
 public:
  /// For a handler: has a second SIGINT end the process when the handler returns.
  /// @returns whether it will; false for the first one and for other signals
  bool end_at_second(int signal);
  /// Has the next SIGINT be the first.
  void forget() { first_ = 0; }

 private:
  bool is_second();

  std::atomic<std::int64_t> first_{0};  // milliseconds; 0: none came
};

/// A thread that takes signals from a handler and may do what a handler may not: take locks, remove
/// folders, write the log. It is not interrupted by signals itself.
class SignalThread {
 public:
  /// @param take called in the thread with each signal, in their order
  /// @throws Error(Io) where the system has no pipe left
  explicit SignalThread(void (*take)(int signal));
  /// Waits until the thread has taken all. No handler may hand over any more.
  ~SignalThread();
  SignalThread(const SignalThread&) = delete;
  SignalThread& operator=(const SignalThread&) = delete;

  /// For a handler.
  void hand_over(int signal);

 private:
  void send(int number);

  int read_end_ = -1, write_end_ = -1;
  std::thread thread_;
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
