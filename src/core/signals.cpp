// How handlers come and go.

#include "longspan/core/signals.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>

#include "longspan/core/error.h"

namespace longspan {
namespace {

extern "C" void do_nothing(int /*signal*/) {}

void mask_save_signal(int how) {
  sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, kSaveSignal);
  ::sigprocmask(how, &signals, nullptr);
}

// oneDNN's generated code keeps data below the stack pointer, where a handler would write over it:
// about every fifth run that got a signal every 2 ms ended with a corrupted heap. So handlers have
// a stack of their own, of the main thread, which the kernel prefers for signals of the process.
void take_own_stack() {
  static char stack[std::size_t{1} << 16];
  const stack_t own{.ss_sp = stack, .ss_flags = 0, .ss_size = sizeof stack};
  ::sigaltstack(&own, nullptr);
}

constexpr char kNoSignal = 0;  // ends a thread

constexpr int kFlags = SA_RESTART | SA_ONSTACK;

static_assert(std::atomic<std::int64_t>::is_always_lock_free);  // a handler may touch nothing else

std::int64_t milliseconds() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

}  // namespace

void hold_save_signal() { mask_save_signal(SIG_BLOCK); }

void survive_save_signal() {
  take_own_stack();
  struct sigaction action {};
  if (::sigaction(kSaveSignal, nullptr, &action) == 0 && action.sa_handler == SIG_DFL) {
    action = {};
    action.sa_handler = do_nothing;
    action.sa_flags = kFlags;
    ::sigaction(kSaveSignal, &action, nullptr);
  }
  mask_save_signal(SIG_UNBLOCK);
}

std::string signal_name(int signal) { return concat("SIG", ::sigabbrev_np(signal)); }

bool InterruptTimes::is_second() {
  constexpr std::int64_t kOnePress = 200;  // milliseconds
  const std::int64_t now = milliseconds();
  std::int64_t first = 0;
  return !first_.compare_exchange_strong(first, now) && now - first > kOnePress;
}

bool InterruptTimes::end_at_second(int signal) {
  if (signal != SIGINT || !is_second()) return false;
  const int saved_errno = errno;
  std::signal(SIGINT, SIG_DFL);
  ::raise(SIGINT);  // taken when the handler returns
  errno = saved_errno;
  return true;
}

SignalThread::SignalThread(void (*take)(int)) {
  int ends[2] = {-1, -1};
  check(::pipe2(ends, O_CLOEXEC) == 0, ErrorKind::Io, "a pipe for signals must be there, got ",
        std::strerror(errno));
  read_end_ = ends[0];
  write_end_ = ends[1];
  ::fcntl(write_end_, F_SETFL, O_NONBLOCK);
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_BLOCK, &all, &before);
  thread_ = std::thread([take, end = read_end_] {
    for (char byte = kNoSignal; ::read(end, &byte, 1) == 1 && byte != kNoSignal;) take(byte);
  });
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

SignalThread::~SignalThread() {
  ::fcntl(write_end_, F_SETFL, 0);
  send(kNoSignal);
  thread_.join();
  ::close(read_end_);
  ::close(write_end_);
}

void SignalThread::hand_over(int signal) {
  const int saved_errno = errno;
  send(signal);
  errno = saved_errno;
}

void SignalThread::send(int number) {
  const auto byte = static_cast<char>(number);
  // A pipe that is full of signals wakes the thread as well.
  [[maybe_unused]] const auto written = ::write(write_end_, &byte, 1);
}

CaughtSignals::CaughtSignals(void (*handler)(int)) {
  take_own_stack();
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = kFlags;
  for (std::size_t i = 0; i < kRunSignals.size(); ++i) {
    ::sigaction(kRunSignals[i], nullptr, &before_[i]);
    if (before_[i].sa_handler != SIG_IGN) ::sigaction(kRunSignals[i], &action, nullptr);
  }
}

CaughtSignals::~CaughtSignals() {
  for (std::size_t i = 0; i < kRunSignals.size(); ++i)
    ::sigaction(kRunSignals[i], &before_[i], nullptr);
}

}  // namespace longspan
