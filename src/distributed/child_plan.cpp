// The environment, arguments and cores of a rank's process.

#include "distributed/child_plan.h"

#include <algorithm>
#include <cstdlib>

#include "longspan/core/error.h"
#include "longspan/core/part.h"

extern char** environ;

namespace longspan {
namespace {

std::vector<int> usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<int> cores;
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return cores;
  for (int core = 0; core < CPU_SETSIZE; ++core)
    if (CPU_ISSET(core, &set)) cores.push_back(core);
  return cores;
}

using Environment = std::vector<std::string>;  // NAME=value

template <class Value>
void set(Environment& variables, const std::string& name, const Value& value) {
  std::erase_if(variables, [&](const std::string& text) { return text.starts_with(name + "="); });
  variables.push_back(concat(name, "=", value));
}

// As torchrun sets them.
Environment environment_of(const LaunchOptions& options, int rank, int port) {
  Environment variables;
  for (char** variable = environ; *variable != nullptr; ++variable)
    variables.emplace_back(*variable);
  set(variables, "RANK", rank);
  set(variables, "LOCAL_RANK", rank);
  set(variables, "WORLD_SIZE", options.processes);
  set(variables, "LOCAL_WORLD_SIZE", options.processes);
  set(variables, "MASTER_ADDR", "127.0.0.1");
  set(variables, "MASTER_PORT", port);
  set(variables, "TORCHELASTIC_USE_AGENT_STORE", "True");
  return variables;
}

}  // namespace

ChildPlan plan_child(const LaunchOptions& options, int rank, int port) {
  ChildPlan plan;
  const auto cores = usable_cores();
  const auto count = static_cast<int>(cores.size());
  const Part own = part_of(count, rank, options.processes);
  if (options.bind_cores && own.size() > 0) {
    plan.cores.emplace();
    CPU_ZERO(&*plan.cores);
    for (std::int64_t i = own.begin; i < own.end; ++i)
      CPU_SET(cores[static_cast<std::size_t>(i)], &*plan.cores);
  }
  plan.environment = environment_of(options, rank, port);
  if (std::getenv("OMP_NUM_THREADS") == nullptr)
    set(plan.environment, "OMP_NUM_THREADS", std::max(1, count / options.processes));
  for (auto& text : plan.environment) plan.variables.push_back(text.data());
  plan.variables.push_back(nullptr);
  for (const auto& word : options.command)
    plan.arguments.push_back(const_cast<char*>(word.c_str()));  // execve does not write to them
  plan.arguments.push_back(nullptr);
  return plan;
}

}  // namespace longspan
