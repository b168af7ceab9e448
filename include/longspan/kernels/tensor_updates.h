#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace longspan {

/// What a step does to all its gradients: they are multiplied by `scale`, and then clipped to a
/// global norm of clip_norm.
struct ClipRule {
  double scale = 1.0;
  double clip_norm = 0.0;  ///< 0: not clipped
  double eps = 1e-6;       ///< beside the norm; fairseq has this one for float32, none for float16
};

/// What a step is judged by. As a tensor: float64 [3] in this order.
struct GradientNumbers {
  double loss_sum = 0.0;
  double norm = 0.0;    ///< of all scaled gradients, before clipping
  double factor = 0.0;  ///< scale and clipping; NaN where the loss or the norm is not finite
};

/// A parameter with what its update reads and writes: all contiguous and of its size.
struct UpdatedTensor {
  at::Tensor parameter, gradient;
  at::Tensor first, second;  ///< the optimizer's state; second: AdamW's mean of squares
  double keep = 1.0;         ///< what decay leaves of the parameter
  double step_size = 0.0;    ///< AdamW: the rate over the mean's correction
  double root_factor = 1.0;  ///< AdamW: corrects the root of the squares
};

/// The numbers of a momentum step that all tensors share; see MomentumRule of src/optim.
struct MomentumFactors {
  double velocity_to_parameter = 0.0, gradient_to_parameter = 0.0, velocity_keep = 0.0,
         gradient_to_velocity = 0.0;
};

struct AdamWFactors {
  double beta1 = 0.0, beta2 = 0.0, eps = 0.0;
};

/// A tensor, float32 on a GPU, and the bfloat16 or float16 one of its size that it is copied to.
struct NarrowCopy {
  at::Tensor from, to;
};

/// Returns true for float32 tensors of a GPU: the functions below take them, without waiting for
/// the GPU.
bool takes_tensor_updates(const at::Tensor& tensor);

/// Returns GradientNumbers on the loss sum's device. @param gradients contiguous @param loss_sum
/// float64 scalar
at::Tensor gradient_numbers(const std::vector<at::Tensor>& gradients, const ClipRule& rule,
                            const at::Tensor& loss_sum);

/// Update parameters and state. @param factor float64 scalar that gradients are multiplied by; not
/// a number: nothing is written; undefined: 1
void update_by_momentum(const std::vector<UpdatedTensor>& tensors, const MomentumFactors& factors,
                        const at::Tensor& factor);
void update_by_adamw(const std::vector<UpdatedTensor>& tensors, const AdamWFactors& factors,
                     const at::Tensor& factor);

/// Copies tensors, all into the same type, rounding to nearest; on any device, of which a GPU takes
/// all in one launch.
void copy_narrow(const std::vector<NarrowCopy>& copies);

}  // namespace longspan
