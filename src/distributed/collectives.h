#pragma once

#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>

namespace longspan {

using Work = c10::intrusive_ptr<c10d::Work>;

/// Starts the sum of a tensor over ranks in place. @throws std::exception
Work start_sum(c10d::ProcessGroup& group, const at::Tensor& tensor);

/// Returns whether what carries a group's tensors on a device can send each rank its own part of a
/// sum alone.
bool scatters_sums(c10d::ProcessGroup& group, c10::Device device);

/// Starts the sum of a contiguous tensor of one dimension over ranks in place, of whose equal parts
/// each rank needs its own alone. @throws std::exception
Work start_part_sum(c10d::ProcessGroup& group, const at::Tensor& tensor);

/// Starts to fill a contiguous tensor of one dimension, of whose equal parts each rank has its own
/// right, with those of the others. @throws std::exception
Work start_part_gather(c10d::ProcessGroup& group, const at::Tensor& tensor);

}  // namespace longspan
