// The signals that a launcher passes on.

#include "distributed/signal_counter.h"

#include <algorithm>

namespace longspan {
namespace {

constexpr auto kSignals = [] {
  std::array<int, SignalCounter::kCount> signals{};
  std::ranges::copy(kStopSignals, signals.begin());
  signals.back() = kSaveSignal;
  return signals;
}();

volatile std::sig_atomic_t g_counts[SignalCounter::kCount] = {};

extern "C" void count_signal(int signal) {
  for (std::size_t i = 0; i < kSignals.size(); ++i)
    if (kSignals[i] == signal) g_counts[i] = g_counts[i] + 1;
}

}  // namespace

SignalCounter::SignalCounter() {
  struct sigaction action {};
  action.sa_handler = count_signal;
  for (std::size_t i = 0; i < kSignals.size(); ++i) {
    g_counts[i] = 0;
    ::sigaction(kSignals[i], nullptr, &before_[i]);
    if (before_[i].sa_handler != SIG_IGN) ::sigaction(kSignals[i], &action, nullptr);
  }
}

SignalCounter::~SignalCounter() {
  for (std::size_t i = 0; i < kSignals.size(); ++i) ::sigaction(kSignals[i], &before_[i], nullptr);
}

std::optional<int> SignalCounter::next() {
  for (std::size_t i = 0; i < kSignals.size(); ++i)
    if (returned_[i] < g_counts[i]) return ++returned_[i], kSignals[i];
  return std::nullopt;
}

}  // namespace longspan
