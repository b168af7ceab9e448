#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <vector>

namespace longspan {

/// The float32 weights of a step in the dtype of its computation: each is converted when it is
/// first asked for and then stands for all passes of the step. To be made anew when the weights
/// change.
class NarrowWeights {
 public:
  /// Returns tensors that belong together one below the other, in a dtype, without a gradient. A
  /// tensor may be asked for in one company only.
  at::Tensor of(const std::vector<at::Tensor>& parts, at::ScalarType dtype);

 private:
  std::map<const void*, at::Tensor> by_first_part_;
};

}  // namespace longspan
