// Reads the distributed section.

#include "longspan/distributed/config.h"

#include "longspan/core/error.h"

namespace longspan {

DistributedConfig read_distributed_config(const config::Reader& reader) {
  DistributedConfig result;
  result.backend = reader.choice("backend", {"auto", "gloo", "nccl"}, result.backend);
  check(result.backend != "nccl", ErrorKind::Config, reader.place("backend"),
        " must be auto or gloo in this version, got nccl");
  result.processes =
      reader.integer_or("processes", "auto", {.low = 1, .high = 1 << 16}, std::nullopt);
  check(result.processes.value_or(1) == 1, ErrorKind::Config, reader.place("processes"),
        " must be auto or 1 in this version, got ", result.processes.value_or(1));
  result.timeout_seconds = reader.number("timeout_seconds", {.high = 1e7, .above = 0.0}, 600.0);
  reader.finish();
  return result;
}

}  // namespace longspan
