// The handler hands the signal's number to a thread, which may do what a handler may not: take
// locks, remove folders, write the log.

#include "longspan/core/end_on_signal.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <string>
#include <thread>

#include "core/temporaries.h"
#include "longspan/core/error.h"
#include "longspan/core/exit_code.h"
#include "longspan/core/log.h"

namespace longspan {
namespace {

constexpr char kNoSignal = 0;  // what the destructor sends

constexpr char kWhatStays[] = "what was written whole stays, and nothing else";

std::atomic<const char*> g_advice{kWhatStays};
static_assert(std::atomic<const char*>::is_always_lock_free);
InterruptTimes g_interrupts;
int g_pipe[2] = {-1, -1};
std::thread g_thread;

void wake(int number) {
  const auto byte = static_cast<char>(number);
  [[maybe_unused]] const auto written = ::write(g_pipe[1], &byte, 1);  // a full pipe wakes as well
}

extern "C" void hand_over(int signal) {
  if (signal == kSaveSignal) return;
  const int saved_errno = errno;
  if (signal == SIGINT && g_interrupts.is_meant_again()) {
    std::signal(SIGINT, SIG_DFL);
    ::raise(SIGINT);  // taken when the handler returns
  } else {
    wake(signal);
  }
  errno = saved_errno;
}

void end_at_signal() {
  char byte = kNoSignal;
  if (::read(g_pipe[0], &byte, 1) != 1 || byte == kNoSignal) return;
  const int signal = byte;
  temporaries::remove_for_good();
  log::info(concat("ended by ", signal_name(signal), ": ", g_advice.load()));
  ::_exit(kSignalled + signal);
}

}  // namespace

EndOnSignal::EndOnSignal() {
  g_interrupts.forget();
  check(::pipe2(g_pipe, O_CLOEXEC) == 0, ErrorKind::Io, "a pipe for signals must be there, got ",
        std::strerror(errno));
  ::fcntl(g_pipe[1], F_SETFL, O_NONBLOCK);
  g_thread = thread_without_signals(end_at_signal);
  caught_.emplace(hand_over);
}

EndOnSignal::~EndOnSignal() {
  caught_.reset();
  ::fcntl(g_pipe[1], F_SETFL, 0);
  wake(kNoSignal);
  g_thread.join();
  ::close(g_pipe[0]);
  ::close(g_pipe[1]);
}

void EndOnSignal::set_advice(const char* text) { g_advice = text; }

}  // namespace longspan
