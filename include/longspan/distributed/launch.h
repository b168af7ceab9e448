#pragma once

#include <string>
#include <vector>

namespace longspan {

struct LaunchOptions {
  int processes = 1;
  std::vector<std::string> command;  ///< program and arguments, the same for every process
  bool bind_cores = true;       ///< give each process its own share of the cores this one may use
  bool discard_output = false;  ///< of rank 0's standard output
};

/// Starts one process a rank on this host and stays until all have ended. Each finds its placement
/// in the environment, as under torchrun; the store is kept here. Output of ranks other than 0 goes
/// to stderr behind the rank's name. SIGINT and SIGTERM are passed on. The first process that fails
/// ends all: the others have some seconds to notice and say so. No process outlives this one.
/// @return the exit code of the rank that failed first by itself, or rank 0's
/// @throws Error(Distributed) that names the rank when a process was ended by a signal
int launch(const LaunchOptions& options);

}  // namespace longspan
