#pragma once

#include <c10/core/Device.h>
#include <torch/csrc/distributed/c10d/Work.hpp>

#include <chrono>

namespace longspan {

/// Returns once the work is done and its results may be used on the caller's stream.
/// @param device of the tensors that travel @param timeout of work on a GPU; on a CPU c10d has its
/// own
/// @throws what the work failed with, and std::runtime_error when a GPU's work has not ended in
/// time
void finish(c10d::Work& work, c10::Device device, std::chrono::milliseconds timeout);

}  // namespace longspan
