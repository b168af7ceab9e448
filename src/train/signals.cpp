// A handler may do next to nothing, so it leaves a number and wakes a thread, which writes the log.
// The loop reads the number when it comes to a place where it can stop.

#include "train/signals.h"

#include <atomic>
#include <string>

#include "longspan/core/error.h"
#include "longspan/core/log.h"

namespace longspan {
namespace {

volatile std::sig_atomic_t g_stop = 0, g_save = 0;
std::atomic<const char*> g_current_work{"the start"};
std::atomic<const char*> g_work_at_signal{nullptr};  // the loop may go on before the log is written
InterruptTimes g_interrupts;
static_assert(std::atomic<const char*>::is_always_lock_free);  // a handler may touch nothing else
std::optional<SignalThread> g_thread;
std::optional<std::chrono::steady_clock::time_point> g_end;

extern "C" void remember(int signal) {
  if (g_interrupts.end_at_second(signal) || g_stop == signal) return;
  g_work_at_signal = g_current_work.load();
  (signal == kSaveSignal ? g_save : g_stop) = signal;
  g_thread->hand_over(signal);
}

void tell_of(int signal) {
  log::info(
      concat("received ", signal_name(signal),
             signal == kSaveSignal ? ": saves, and goes on, after " : ": saves, and ends, after ",
             g_work_at_signal.load()));
}

}  // namespace

SignalWatch::SignalWatch(std::optional<std::chrono::steady_clock::time_point> end) {
  g_end = end;
  g_stop = 0;
  g_save = 0;
  g_interrupts.forget();
  g_thread.emplace(tell_of);
  caught_.emplace(remember);
}

SignalWatch::~SignalWatch() {
  caught_.reset();
  g_thread.reset();
}

int SignalWatch::stop_signal() {
  if (g_stop == 0 && g_end && std::chrono::steady_clock::now() >= *g_end) {
    g_stop = SIGTERM;
    log::info(concat("the job ends soon: saves, and ends, after ", g_current_work.load()));
  }
  return static_cast<int>(g_stop);
}

bool SignalWatch::take_save_request() {
  const bool asked = g_save != 0;
  g_save = 0;
  return asked;
}

void SignalWatch::set_current_work(const char* what) { g_current_work = what; }

}  // namespace longspan
