#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "longspan/core/named_tensors.h"
#include "longspan/distributed/communicator.h"

namespace longspan {

/// What a rank's passes over its share of a step gave, before any sum over ranks.
struct PassSums {
  at::Tensor loss_sum;                ///< float64 scalar
  std::vector<at::Tensor> gradients;  ///< in the order of the parameters; undefined where none
};

/// Copies the gradients that passes left.
PassSums copy_sums(const NamedTensors& parameters, const at::Tensor& loss_sum);

/// Returns the first that differs in a bit, "the loss" or "the gradient of embed.weight"; empty
/// when nothing does. Waits for a GPU.
std::string first_difference(const NamedTensors& parameters, const PassSums& first,
                             const PassSums& second);

/// Checks that no rank found a difference between two computations of a step. Collective.
/// @param difference this rank's  @throws Error(Internal) on all ranks, which names step, ranks and
/// what each found
void check_no_difference(Communicator& communicator, std::int64_t step,
                         const std::string& difference);

}  // namespace longspan
