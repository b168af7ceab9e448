#pragma once

#include <array>
#include <csignal>

namespace longspan {

/// The signals that save a run and end it with 128 + their number: Ctrl-C, a scheduler, a closed
/// terminal, a limit of processor time.
inline constexpr std::array kStopSignals{SIGINT, SIGTERM, SIGHUP, SIGXCPU};
/// The signal that saves a run, which then goes on.
inline constexpr int kSaveSignal = SIGUSR1;

}  // namespace longspan
