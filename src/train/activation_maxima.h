#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "longspan/distributed/communicator.h"

namespace longspan {

/// Raises numbers to others where those are above them. @param numbers empty where none came yet
void raise_to(std::vector<at::Tensor>& numbers, const std::vector<at::Tensor>& others);

/// Returns the largest of each layer over all ranks. Collective where there are several; waits for
/// a GPU. @param maxima_L scalars of this rank's passes; empty where it had none
std::vector<double> largest_of_ranks(const std::vector<at::Tensor>& maxima_L,
                                     std::int64_t num_layers, Communicator& communicator);

}  // namespace longspan
