// A handler may do next to nothing, so it leaves a number and wakes a thread, which writes the log.
// The loop reads the number when it comes to a place where it can stop.

#include "train/signals.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <thread>

#include "longspan/core/error.h"
#include "longspan/core/log.h"

namespace longspan {
namespace {

constexpr char kEnd = 0;  // what the destructor sends instead of a signal's number

volatile std::sig_atomic_t g_stop = 0, g_save = 0;
std::atomic<const char*> g_current_work{"the start"};
std::atomic<const char*> g_work_at_signal{nullptr};  // the loop may go on before the log is written
InterruptTimes g_interrupts;
static_assert(std::atomic<const char*>::is_always_lock_free);  // a handler may touch nothing else
int g_pipe[2] = {-1, -1};
std::thread g_thread;
std::optional<std::chrono::steady_clock::time_point> g_end;

void wake(int number) {
  const auto byte = static_cast<char>(number);
  [[maybe_unused]] const auto written = ::write(g_pipe[1], &byte, 1);  // a full pipe wakes as well
}

extern "C" void remember(int signal) {
  const int saved_errno = errno;
  if (signal == SIGINT && g_interrupts.is_meant_again()) {
    std::signal(SIGINT, SIG_DFL);
    ::raise(SIGINT);  // taken when the handler returns
  } else if (g_stop != signal) {
    g_work_at_signal = g_current_work.load();
    (signal == kSaveSignal ? g_save : g_stop) = signal;
    wake(signal);
  }
  errno = saved_errno;
}

void tell_of_signals() {
  for (char byte = kEnd; ::read(g_pipe[0], &byte, 1) == 1 && byte != kEnd;) {
    const int signal = byte;
    log::info(
        concat("received ", signal_name(signal),
               signal == kSaveSignal ? ": saves, and goes on, after " : ": saves, and ends, after ",
               g_work_at_signal.load()));
  }
}

}  // namespace

SignalWatch::SignalWatch(std::optional<std::chrono::steady_clock::time_point> end) {
  g_end = end;
  g_stop = 0;
  g_save = 0;
  g_interrupts.forget();
  check(::pipe2(g_pipe, O_CLOEXEC) == 0, ErrorKind::Io, "a pipe for signals must be there, got ",
        std::strerror(errno));
  ::fcntl(g_pipe[1], F_SETFL, O_NONBLOCK);
  g_thread = thread_without_signals(tell_of_signals);
  caught_.emplace(remember);
}

SignalWatch::~SignalWatch() {
  caught_.reset();
  ::fcntl(g_pipe[1], F_SETFL, 0);
  wake(kEnd);
  g_thread.join();
  ::close(g_pipe[0]);
  ::close(g_pipe[1]);
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
