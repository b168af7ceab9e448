#pragma once

#include <functional>
#include <optional>
#include <string>

namespace longspan {

/// Where a process stands among those of its job.
struct Placement {
  int rank = 0;
  int world_size = 1;
  int local_rank = 0;                 ///< among the processes of this host
  int local_world_size = 1;           ///< 0: not known
  std::string address = "127.0.0.1";  ///< of the store that the processes meet at
  int port = 0;
  bool launcher_keeps_store = false;  ///< then no rank listens; else rank 0 does
  std::string attempt = "0";  ///< of those that share a store; empty: the ranks agree on one
  std::string source;         ///< who said so, for the log
};

/// Looks an environment variable up; nothing when it is not set.
using EnvironmentLookup = std::function<std::optional<std::string>(const std::string&)>;
/// Returns the lookup of this process.
EnvironmentLookup process_environment();

/// Returns the placement that a launcher put into the environment: torchrun (RANK, WORLD_SIZE),
/// Open MPI (OMPI_COMM_WORLD_*), Hydra (PMI_*), a Slurm step (SLURM_PROCID ...), in this order.
/// MASTER_ADDR and MASTER_PORT win over what a launcher implies. Nothing when none started this
/// process. @throws Error(Config) that names the variable that is missing or wrong
std::optional<Placement> find_placement(const EnvironmentLookup& lookup);

/// Returns the first host of a Slurm host list: "n[07-09,12],x" gives "n07", "r[1-2]n[0-3]-ib"
/// gives "r1n0-ib". @throws Error(Config) for what is no such list
std::string first_host(const std::string& host_list);

}  // namespace longspan
