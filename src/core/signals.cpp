// How handlers come and go.

#include "longspan/core/signals.h"

namespace longspan {
namespace {

extern "C" void do_nothing(int /*signal*/) {}

void mask_save_signal(int how) {
  sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, kSaveSignal);
  ::sigprocmask(how, &signals, nullptr);
}

}  // namespace

void hold_save_signal() { mask_save_signal(SIG_BLOCK); }

void survive_save_signal() {
  struct sigaction action {};
  if (::sigaction(kSaveSignal, nullptr, &action) == 0 && action.sa_handler == SIG_DFL) {
    action = {};
    action.sa_handler = do_nothing;
    action.sa_flags = SA_RESTART;
    ::sigaction(kSaveSignal, &action, nullptr);
  }
  mask_save_signal(SIG_UNBLOCK);
}

CaughtSignals::CaughtSignals(void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
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
