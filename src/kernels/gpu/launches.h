#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/DeviceGuard.h>

#include "kernels/gpu/activation_rows.h"
#include "kernels/gpu/attention_kinds.h"
#include "kernels/gpu/cross_entropy.h"
#include "kernels/gpu/dropout_rows.h"
#include "kernels/gpu/residual_norm_kinds.h"
#include "kernels/gpu/rotation_rows.h"
#include "kernels/gpu/tensor_updates.h"

namespace longspan::gpu {

/// Starts the kernels for tensors on the thread's current device, behind what its current stream
/// holds; see launches_for.
struct Launches {
  c10::DeviceType device;
  void (*attention_forward)(const AttentionCase& wanted, const AttentionProblem& problem,
                            const AttentionOutputs& outputs);
  void (*attention_backward)(const AttentionCase& wanted, const AttentionProblem& problem,
                             const AttentionGradients& gradients);
  void (*cross_entropy)(GradientType type, const LogitRows& rows, const LossOutputs& outputs);
  void (*target_log_probabilities)(const LogitRows& rows, float* out_N);
  void (*residual_norm_forward)(const RowCase& wanted, const ResidualNormProblem& problem,
                                const ResidualNormOutputs& outputs);
  void (*residual_norm_backward)(const RowCase& wanted, const ResidualNormProblem& problem,
                                 const ResidualNormGradients& gradients);
  void (*dropout)(const DropoutProblem& problem);
  void (*activation_forward)(const ActivationProblem& problem, std::uint16_t* out_NF);
  void (*activation_backward)(const ActivationProblem& problem,
                              const ActivationGradients& gradients);
  void (*rotation)(const RotationProblem& problem);
  void (*gradient_squares)(const TensorTable& table, double* sums_C);
  void (*gradient_norm)(const NormProblem& problem, const NormOutputs& outputs);
  void (*momentum_update)(const TensorTable& table, const MomentumNumbers& numbers,
                          const double* factor);
  void (*adamw_update)(const TensorTable& table, const AdamWNumbers& numbers, const double* factor);
  void (*narrow_copies)(bool is_bfloat16, const TensorTable& table);
};

/// Returns what starts kernels on a device; nothing where there are none.
const Launches* launches_on(c10::DeviceType device);

/// Launches whose current device, as long as the object lives, is that of a tensor.
class LaunchesFor {
 public:
  explicit LaunchesFor(const at::Tensor& tensor)
      : guard_(tensor.device()), launches_(launches_on(tensor.device().type())) {}
  const Launches* operator->() const { return launches_; }

 private:
  c10::DeviceGuard guard_;
  const Launches* launches_;
};

/// For one call: launches_for(x)->dropout(...). @param tensor on a device that has launches
inline LaunchesFor launches_for(const at::Tensor& tensor) { return LaunchesFor(tensor); }

/// Stands, as long as it lives, in the place of the GPU's launches: tests emulate or count them.
class LaunchesForTests {
 public:
  explicit LaunchesForTests(const Launches& launches);
  ~LaunchesForTests();
  LaunchesForTests(const LaunchesForTests&) = delete;
  LaunchesForTests& operator=(const LaunchesForTests&) = delete;
};

}  // namespace longspan::gpu
