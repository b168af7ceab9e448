#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "longspan/distributed/communicator.h"

namespace longspan::cli {

/// How a verb spreads over processes.
struct Job {
  std::optional<Placement> placement;     ///< among the processes of a launcher
  std::optional<int> processes_to_start;  ///< on this host; nothing: this process does the work

  int local_rank() const { return placement ? placement->local_rank : 0; }
};

/// Returns how many processes a verb takes on a host that is alone: what --processes says, "auto"
/// or a number, else the config, else one for each GPU that --device leaves open. @throws
/// Error(Config)
int processes_of_host(const std::string& processes, const std::string& device,
                      const DistributedConfig& config);

/// Decides how a verb spreads. A launcher that started this process wins over
/// processes_of_host(), whose arguments these are. From now on the log carries the rank.
/// @throws Error(Config)
Job find_job(const std::string& processes, const std::string& device,
             const DistributedConfig& config);

/// Joins the other ranks of a job, or stays alone. @param device of this process @param agreements
/// called only where there are others @throws Error(Distributed) as join() does
std::unique_ptr<Communicator> join_job(const Job& job, const DistributedConfig& config,
                                       c10::Device device,
                                       const std::function<std::vector<Agreement>()>& agreements);

/// Does a rank's share of the work and leaves the job. When the work fails by itself the others
/// learn why, so that their errors name this rank. Collective. @throws what `work` throws
void work_together(Communicator& communicator, const std::function<void()>& work);

}  // namespace longspan::cli
