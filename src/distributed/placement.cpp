// Reads what torchrun, Open MPI, Hydra (MPICH, Intel MPI) and Slurm say of a process.

#include "longspan/distributed/placement.h"

#include <charconv>
#include <cstdlib>

#include "longspan/core/error.h"
#include "longspan/core/hash.h"

namespace longspan {
namespace {

constexpr int kMany = 1 << 20;
constexpr int kFirstPort = 20000, kPorts = 10000;  // below the range that systems give out

class Variables {
 public:
  explicit Variables(const EnvironmentLookup& lookup) : lookup_(lookup) {}

  bool has(const std::string& name) const { return lookup_(name).has_value(); }
  std::string text(const std::string& name, const std::string& fallback) const {
    return lookup_(name).value_or(fallback);
  }
  int number(const std::string& name, std::optional<int> fallback = std::nullopt) const {
    const auto text = lookup_(name);
    if (!text && fallback) return *fallback;
    check(text.has_value(), ErrorKind::Config, "the environment variable ", name,
          " must be set by the launcher that set the others, it is missing");
    int value = 0;
    const auto [end, failure] = std::from_chars(text->data(), text->data() + text->size(), value);
    check(
        failure == std::errc() && end == text->data() + text->size() && value >= 0 && value < kMany,
        ErrorKind::Config, "the environment variable ", name,
        " must be a number of at least 0, got '", *text, "'");
    return value;
  }

 private:
  const EnvironmentLookup& lookup_;
};

// Every process of a job derives the same port, and two jobs on a host most likely others.
int port_of_job(const std::string& job) {
  return kFirstPort + static_cast<int>(stable_hash(job) % kPorts);
}

// A rank that is alone meets nobody.
std::optional<int> port_if_alone(const Placement& placement) {
  return placement.world_size <= 1 ? std::optional(0) : std::nullopt;
}

Placement from_torchrun(const Variables& variables) {
  Placement placement;
  placement.rank = variables.number("RANK");
  placement.world_size = variables.number("WORLD_SIZE");
  placement.local_rank = variables.number("LOCAL_RANK", placement.rank);
  placement.local_world_size = variables.number("LOCAL_WORLD_SIZE", 0);
  placement.address = variables.text("MASTER_ADDR", placement.address);
  placement.port = variables.number("MASTER_PORT", port_if_alone(placement));
  placement.launcher_keeps_store =
      variables.text("TORCHELASTIC_USE_AGENT_STORE", "False") == "True";
  // Agents count restarts each for itself: the numbers of one attempt differ.
  if (placement.launcher_keeps_store && variables.has("TORCHELASTIC_RESTART_COUNT"))
    placement.attempt.clear();
  placement.source = "RANK, WORLD_SIZE, MASTER_ADDR, MASTER_PORT";
  return placement;
}

// MPI says nothing of addresses: on one host there is no question, on more the user answers it.
void find_address_of_mpi(const Variables& variables, Placement& placement, const std::string& job) {
  const bool is_one_host =
      placement.world_size == 1 || placement.local_world_size == placement.world_size;
  check(variables.has("MASTER_ADDR") || is_one_host, ErrorKind::Config,
        "the environment variable MASTER_ADDR must name the host of rank 0 when MPI starts "
        "processes on several hosts, it is missing; give it with mpirun -x MASTER_ADDR=...");
  placement.address = variables.text("MASTER_ADDR", placement.address);
  placement.port = variables.number("MASTER_PORT", port_of_job(job));
}

Placement from_open_mpi(const Variables& variables) {
  Placement placement;
  placement.rank = variables.number("OMPI_COMM_WORLD_RANK");
  placement.world_size = variables.number("OMPI_COMM_WORLD_SIZE");
  placement.local_rank = variables.number("OMPI_COMM_WORLD_LOCAL_RANK");
  placement.local_world_size = variables.number("OMPI_COMM_WORLD_LOCAL_SIZE");
  find_address_of_mpi(
      variables, placement,
      variables.text("PMIX_NAMESPACE", variables.text("OMPI_MCA_ess_base_jobid", "ompi")));
  placement.source = "OMPI_COMM_WORLD_RANK, OMPI_COMM_WORLD_SIZE";
  return placement;
}

Placement from_hydra(const Variables& variables) {
  Placement placement;
  placement.rank = variables.number("PMI_RANK");
  placement.world_size = variables.number("PMI_SIZE");
  placement.local_rank = variables.number("MPI_LOCALRANKID", placement.rank);
  placement.local_world_size = variables.number("MPI_LOCALNRANKS", 0);
  find_address_of_mpi(variables, placement, variables.text("PMI_FD", "hydra"));
  placement.source = "PMI_RANK, PMI_SIZE";
  return placement;
}

// "2(x3),1" says that three nodes run two tasks and the fourth one.
int tasks_on_node(const std::string& tasks_per_node, int node) {
  const char* at = tasks_per_node.data();
  const char* const end = at + tasks_per_node.size();
  while (at < end) {
    int tasks = 0, nodes = 1;
    at = std::from_chars(at, end, tasks).ptr;
    if (end - at > 2 && at[0] == '(' && at[1] == 'x') {
      at = std::from_chars(at + 2, end, nodes).ptr;
      if (at < end) ++at;
    }
    if (node < nodes) return tasks;
    node -= nodes;
    if (at == end || *at != ',') return 0;
    ++at;
  }
  return 0;
}

Placement from_slurm(const Variables& variables) {
  Placement placement;
  placement.rank = variables.number("SLURM_PROCID");
  placement.world_size = variables.number("SLURM_STEP_NUM_TASKS");
  placement.local_rank = variables.number("SLURM_LOCALID");
  placement.local_world_size = tasks_on_node(variables.text("SLURM_STEP_TASKS_PER_NODE", ""),
                                             variables.number("SLURM_NODEID", 0));
  const std::string hosts =
      variables.text("SLURM_STEP_NODELIST", variables.text("SLURM_JOB_NODELIST", "127.0.0.1"));
  placement.address =
      variables.has("MASTER_ADDR") ? variables.text("MASTER_ADDR", "") : first_host(hosts);
  placement.port = variables.number(
      "MASTER_PORT",
      port_of_job(variables.text("SLURM_JOB_ID", "") + "." + variables.text("SLURM_STEP_ID", "")));
  placement.attempt = variables.text("SLURM_RESTART_COUNT", "0");
  placement.source = "SLURM_PROCID, SLURM_STEP_NUM_TASKS, SLURM_STEP_NODELIST";
  return placement;
}

// Hydra may start its own helpers through srun; then the step counts hosts, not ranks.
bool is_slurm_step_of_ranks(const Variables& variables) {
  if (!variables.has("SLURM_STEP_ID") || !variables.has("SLURM_PROCID") ||
      !variables.has("SLURM_STEP_NUM_TASKS"))
    return false;
  return !variables.has("PMI_SIZE") ||
         variables.number("PMI_SIZE") == variables.number("SLURM_STEP_NUM_TASKS");
}

void check_placement(const Placement& placement) {
  check(placement.world_size > 0 && placement.rank < placement.world_size, ErrorKind::Config,
        "the rank must be below the number of processes, got ", placement.rank, " of ",
        placement.world_size, " from ", placement.source);
  const bool has_port = placement.port > 0 && placement.port < 1 << 16;
  check(has_port || (placement.port == 0 && placement.world_size == 1), ErrorKind::Config,
        "the environment variable MASTER_PORT must be a port from 1 to 65535, got ",
        placement.port);
}

}  // namespace

EnvironmentLookup process_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  };
}

std::string first_host(const std::string& host_list) {
  std::string host;
  bool well_formed = true;
  for (std::size_t at = 0; well_formed && at < host_list.size() && host_list[at] != ','; ++at) {
    if (host_list[at] != '[') {
      well_formed = host_list[at] != ']';
      host += host_list[at];
      continue;
    }
    const std::size_t end = host_list.find(']', at);
    const std::string number =
        host_list.substr(at + 1, host_list.find_first_of("[,-]", at + 1) - at - 1);
    well_formed = end != std::string::npos && !number.empty();
    host += number;
    at = end;
  }
  check(well_formed && !host.empty(), ErrorKind::Config,
        "a Slurm host list must be names as in 'n[07-09,12],r[1-2]n[0-3]', got '", host_list,
        "'; MASTER_ADDR names the first host instead");
  return host;
}

std::optional<Placement> find_placement(const EnvironmentLookup& lookup) {
  const Variables variables(lookup);
  std::optional<Placement> placement;
  if (variables.has("RANK") && variables.has("WORLD_SIZE"))
    placement = from_torchrun(variables);
  else if (variables.has("OMPI_COMM_WORLD_RANK"))
    placement = from_open_mpi(variables);
  else if (is_slurm_step_of_ranks(variables))
    placement = from_slurm(variables);
  else if (variables.has("PMI_RANK") && variables.has("PMI_SIZE"))
    placement = from_hydra(variables);
  if (placement) check_placement(*placement);
  return placement;
}

}  // namespace longspan
