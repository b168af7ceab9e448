// Reads the distributed section.

#include "longspan/distributed/config.h"

#include <array>

#include "longspan/config/choice.h"

namespace longspan {
namespace {

constexpr std::array kBackends{
    config::Choice{"auto", Backend::Auto},
    config::Choice{"gloo", Backend::Gloo},
    config::Choice{"nccl", Backend::Nccl},
};
constexpr std::array kReducePrecisions{
    config::Choice{"fp32", at::kFloat},
    config::Choice{"bf16", at::kBFloat16},
};

}  // namespace

DistributedConfig read_distributed_config(const config::Reader& reader) {
  DistributedConfig result;
  result.backend = config::choice(reader, "backend", kBackends, result.backend);
  result.processes =
      reader.integer_or("processes", "auto", {.low = 1, .high = 1 << 16}, std::nullopt);
  result.timeout_seconds = reader.number("timeout_seconds", {.high = 1e7, .above = 0.0}, 600.0);
  result.bucket_mib = reader.number("bucket_mib", {.high = 4096.0, .above = 0.0}, 25.0);
  result.reduce_precision =
      config::choice(reader, "reduce_precision", kReducePrecisions, result.reduce_precision);
  result.shard_optimizer = reader.boolean("shard_optimizer", result.shard_optimizer);
  result.check_every_steps =
      reader.integer("check_every_steps", {.low = 0, .high = 1 << 30}, result.check_every_steps);
  result.bind_cores = reader.boolean("bind_cores", result.bind_cores);
  reader.finish();
  return result;
}

}  // namespace longspan
