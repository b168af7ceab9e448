#pragma once

#include <vector>

#include "longspan/core/named_tensors.h"
#include "optim/element_loops.h"

namespace longspan {

/// Tensors that one rule is applied to; entry i of each list belongs together.
struct MomentumGroup {
  std::vector<at::Tensor> parameters;
  std::vector<at::Tensor> velocities;
  std::vector<at::Tensor> gradients;
};

/// Applies a rule in one pass over memory. @param group contiguous, on the CPU, float32 or float64
void update_fused(const MomentumGroup& group, const MomentumRule& rule);
/// Applies a rule by LibTorch's operators; any device.
void update_composed(const MomentumGroup& group, const MomentumRule& rule);

/// Parameters with a velocity each, for the optimizers whose step is a MomentumRule.
class Velocities {
 public:
  explicit Velocities(NamedTensors parameters);

  /// Applies the rule to every parameter that has a gradient. @param matrix_keep takes the place of
  /// parameter_keep for tensors of two dimensions or more @param factor as Optimizer::step's
  void update(MomentumRule rule, double matrix_keep, const at::Tensor& factor) const;
  /// Returns the velocities as "momentum.<parameter name>".
  const NamedTensors& state() const { return velocities_; }

 private:
  void update_on_gpu(const MomentumRule& rule, double matrix_keep, const at::Tensor& factor) const;

  NamedTensors parameters_;
  NamedTensors velocities_;
};

}  // namespace longspan
