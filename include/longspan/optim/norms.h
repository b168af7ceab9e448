#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace longspan {

/// Returns the L2 norm of all elements of tensors together, in double. Undefined ones count as 0.
/// It does not depend on the number of threads; waits for a GPU.
double norm_of(const std::vector<at::Tensor>& tensors);

}  // namespace longspan
