// What the verbs that spread over processes share: who starts the processes, how they meet, and
// what the others hear when one fails.

#include "cli/job.h"

#include <algorithm>
#include <charconv>

#include "cli/exit_code.h"
#include "longspan/core/error.h"
#include "longspan/core/log.h"
#include "longspan/device/device.h"

namespace longspan::cli {
namespace {

constexpr int kMaxProcesses = 4096;

}  // namespace

int processes_of_host(const std::string& processes, const std::string& device,
                      const DistributedConfig& config) {
  if (processes != "auto") {
    int count = 0;
    const char* const end = processes.data() + processes.size();
    const auto [last, failure] = std::from_chars(processes.data(), end, count);
    check(failure == std::errc() && last == end && count > 0 && count <= kMaxProcesses,
          ErrorKind::Config, "--processes must be auto or a number from 1 to ", kMaxProcesses,
          ", got ", processes);
    return count;
  }
  if (config.processes) return static_cast<int>(*config.processes);
  return device == "auto" || device == "cuda" ? std::max(1, num_gpus()) : 1;
}

Job find_job(const std::string& processes, const std::string& device,
             const DistributedConfig& config) {
  Job job{find_placement(process_environment()), std::nullopt};
  const int wanted = processes_of_host(processes, device, config);
  if (!job.placement) {
    if (wanted > 1) job.processes_to_start = wanted;
    return job;
  }
  log::set_rank(job.placement->rank);
  const bool asked = processes != "auto" || config.processes.has_value();
  if (asked && wanted > 1 && wanted != job.placement->world_size)
    log::warn("the launcher's number of processes wins over the one asked for",
              {{"launcher", job.placement->world_size}, {"asked", wanted}});
  return job;
}

std::unique_ptr<Communicator> join_job(const Job& job, const DistributedConfig& config,
                                       c10::Device device,
                                       const std::function<std::vector<Agreement>()>& agreements) {
  if (!job.placement || job.placement->world_size == 1) return make_lone_communicator();
  const Placement& placement = *job.placement;
  auto communicator = join(placement, config, agreements(), device);
  log::info("joined", {{"ranks", placement.world_size},
                       {"store", concat(placement.address, ":", placement.port)},
                       {"told_by", placement.source},
                       {"device", device.str()}});
  return communicator;
}

void work_together(Communicator& communicator, const std::function<void()>& work) {
  try {
    work();
    communicator.leave();
  } catch (const std::exception& error) {
    // Who lost its peers has nothing of its own to tell.
    const auto* own = dynamic_cast<const Error*>(&error);
    if (own == nullptr || own->kind() != ErrorKind::Distributed)
      communicator.report_failure(reason_of(error));
    throw;
  }
}

}  // namespace longspan::cli
