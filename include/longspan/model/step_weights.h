#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <vector>

namespace longspan {

/// What the passes of a step share of the float32 weights when they compute in a narrower dtype:
/// each weight in that dtype, converted when it is first asked for, and the sum of its gradients
/// over the passes so far. To be made anew for each step.
class StepWeights {
 public:
  /// Weights that are one matrix to the computation, or biases that are one vector.
  struct Joint {
    at::Tensor narrow;    ///< one below the other, in the computation's dtype, without a gradient
    at::Tensor gradient;  ///< float32, as narrow; undefined until a pass has added to it
  };

  /// Tells that the pass to come is the step's last: its backward hands the sums to the parameters,
  /// where those of the passes before keep them here.
  void expect_last_pass() { last_pass_ = true; }
  bool is_last_pass() const { return last_pass_; }

  /// Returns what is kept of tensors that belong together. A tensor may be asked for in one company
  /// only.
  Joint& of(const std::vector<at::Tensor>& parts, at::ScalarType dtype);

 private:
  std::map<const void*, Joint> by_first_part_;
  bool last_pass_ = false;
};

}  // namespace longspan
