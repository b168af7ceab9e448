#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

namespace longspan {

/// A tensor and the name that the checkpoint carries it under. Core's own sources do not include
/// this header: core is built without LibTorch.
struct NamedTensor {
  std::string name;
  at::Tensor tensor;
};
using NamedTensors = std::vector<NamedTensor>;

}  // namespace longspan
