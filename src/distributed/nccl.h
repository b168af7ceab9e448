#pragma once

#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>

#include <chrono>

#include "distributed/store.h"

namespace longspan {

/// Lets NCCL carry a group's tensors on GPUs, and meets the other ranks there at once, so that what
/// is wrong with the network or the devices shows before training. Collective.
/// @param device the GPU of this process, with its index
/// @throws std::exception
void add_nccl(c10d::ProcessGroup& group, const Store& store, c10::Device device,
              std::chrono::milliseconds timeout);

}  // namespace longspan
