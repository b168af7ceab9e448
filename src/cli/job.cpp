// What the verbs that spread over processes share: who starts the processes, how they meet, and
// what the others hear when one fails.

#include "cli/job.h"

#include <charconv>

#include "cli/exit_code.h"
#include "longspan/core/error.h"
#include "longspan/core/log.h"

namespace longspan::cli {
namespace {

std::int64_t wanted_processes(const std::string& argument, const DistributedConfig& config) {
  std::int64_t processes = config.processes.value_or(1);
  if (argument == "auto") return processes;
  const auto [end, failure] =
      std::from_chars(argument.data(), argument.data() + argument.size(), processes);
  check(failure == std::errc() && end == argument.data() + argument.size() && processes > 0 &&
            processes <= 4096,
        ErrorKind::Config, "--processes must be auto or a number from 1 to 4096, got ", argument);
  return processes;
}

}  // namespace

Job find_job(const std::string& processes, const DistributedConfig& config) {
  Job job{find_placement(process_environment()), std::nullopt};
  const auto wanted = wanted_processes(processes, config);
  if (!job.placement) {
    if (wanted > 1) job.processes_to_start = static_cast<int>(wanted);
    return job;
  }
  log::set_rank(job.placement->rank);
  if (wanted > 1 && wanted != job.placement->world_size)
    log::warn("the launcher's number of processes wins over the one asked for",
              {{"launcher", job.placement->world_size}, {"asked", wanted}});
  return job;
}

std::unique_ptr<Communicator> join_job(const Job& job, const DistributedConfig& config,
                                       const std::function<std::vector<Agreement>()>& agreements) {
  if (!job.placement || job.placement->world_size == 1) return make_lone_communicator();
  const Placement& placement = *job.placement;
  auto communicator = join(placement, config, agreements());
  log::info("joined", {{"ranks", placement.world_size},
                       {"store", concat(placement.address, ":", placement.port)},
                       {"told_by", placement.source}});
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
