// The peak that training is held against.

#include "train/utilization.h"

#include <ATen/ops/full.h>

#include "longspan/core/log.h"
#include "longspan/device/machine_speed.h"
#include "longspan/plan/plan.h"

namespace longspan {
namespace {

// Collective.
double sum_over_ranks(double own, Communicator& communicator) {
  double sum = 0.0;
  for (const at::Tensor& number : communicator.all_gather(at::full({1}, own, at::kDouble)))
    sum += number.item<double>();
  return sum;
}

}  // namespace

Utilization::Utilization(const RunConfig& config, std::int64_t vocab_size, c10::Device device,
                         Communicator& communicator)
    : flop_per_token_(flop_per_token(config, vocab_size)) {
  // Ranks that share a machine share its peak, if only they measure together.
  sum_over_ranks(0.0, communicator);
  const PeakProducts peak = peak_products(device, config.compute_dtype());
  flop_per_second_ = sum_over_ranks(peak.flop_per_second, communicator);
  log::info("peak of products", {{"flop_per_second", flop_per_second_},
                                 {"ranks", communicator.world_size()},
                                 {"found", peak.is_measured ? "by measuring" : "by name"},
                                 {"flop_per_token", flop_per_token_}});
}

}  // namespace longspan
