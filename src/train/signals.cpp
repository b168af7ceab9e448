// Turns SIGINT and SIGTERM into a flag that the loop reads between steps.

#include "train/signals.h"

#include <csignal>

namespace longspan {
namespace {

volatile std::sig_atomic_t g_received = 0;

extern "C" void remember(int signal) {
  g_received = signal;
  std::signal(signal, SIG_DFL);
}

}  // namespace

SignalGuard::SignalGuard() {
  g_received = 0;
  std::signal(SIGINT, remember);
  std::signal(SIGTERM, remember);
}

SignalGuard::~SignalGuard() {
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
}

int SignalGuard::received() { return static_cast<int>(g_received); }

}  // namespace longspan
