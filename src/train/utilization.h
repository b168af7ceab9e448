#pragma once

#include <cstdint>

#include <c10/core/Device.h>

#include "longspan/distributed/communicator.h"
#include "longspan/run/run_config.h"

namespace longspan {

/// Model FLOP utilization: the FLOP that the model asks for, whatever is computed besides, over
/// what the devices of all ranks could do (Chowdhery et al., "PaLM", arXiv:2204.02311, appendix B).
class Utilization {
 public:
  /// Finds the peak of each rank's device, where it is measured of all at once. Says what it is.
  /// Collective.
  Utilization(const RunConfig& config, std::int64_t vocab_size, c10::Device device,
              Communicator& communicator);

  /// @param tokens_per_second of all ranks
  double of(double tokens_per_second) const {
    return tokens_per_second * flop_per_token_ / flop_per_second_;
  }

 private:
  double flop_per_token_ = 0.0, flop_per_second_ = 0.0;
};

}  // namespace longspan
