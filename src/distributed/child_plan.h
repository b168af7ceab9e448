#pragma once

#include <sched.h>

#include <optional>
#include <string>
#include <vector>

#include "longspan/distributed/launch.h"

namespace longspan {

/// All that the process of a rank needs, made before the fork: after it only system calls are safe.
struct ChildPlan {
  std::vector<std::string> environment;
  std::vector<char*> arguments, variables;  ///< for execve(); these point into the options' command
                                            ///< and into `environment`
  std::optional<cpu_set_t> cores;           ///< to bind the process to
};

/// Plans the process of a rank. @param port of the store, which the launcher keeps
ChildPlan plan_child(const LaunchOptions& options, int rank, int port);

}  // namespace longspan
