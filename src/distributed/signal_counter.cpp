// The signals that a launcher passes on.

#include "distributed/signal_counter.h"

namespace longspan {
namespace {

volatile std::sig_atomic_t g_counts[kRunSignals.size()] = {};

extern "C" void count_signal(int signal) {
  for (std::size_t i = 0; i < kRunSignals.size(); ++i)
    if (kRunSignals[i] == signal) g_counts[i] = g_counts[i] + 1;
}

}  // namespace

SignalCounter::SignalCounter() {
  for (auto& count : g_counts) count = 0;
  caught_.emplace(count_signal);
}

std::optional<int> SignalCounter::next() {
  for (std::size_t i = 0; i < kRunSignals.size(); ++i)
    if (returned_[i] < g_counts[i]) return ++returned_[i], kRunSignals[i];
  return std::nullopt;
}

}  // namespace longspan
