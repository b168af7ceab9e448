#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "longspan/config/reader.h"
#include "longspan/core/named_tensors.h"
#include "longspan/kernels/tensor_updates.h"

namespace longspan {

/// Updates parameters from their gradients. State is float32 and starts at zero.
class Optimizer {
 public:
  virtual ~Optimizer() = default;
  /// Updates every parameter that has a gradient, in place; what it leaves of the gradients is of
  /// no meaning. @param lr > 0 @param factor float64 scalar on the parameters' device that
  /// gradients are multiplied by first; where it is not a number, no parameter and no moving
  /// average changes
  virtual void step(double lr, const at::Tensor& factor) = 0;
  /// The same with a factor of 1.
  void step(double lr) { step(lr, {}); }
  /// Returns the state's tensors as "<slot>.<parameter name>", and scalars as tensors; shared, not
  /// copied.
  virtual NamedTensors state() const = 0;
  /// Copies a state in. @throws Error(Checkpoint) that names a missing, extra or misshapen tensor
  virtual void load_state(const NamedTensors& state) = 0;
  /// Returns whether an update of an element depends on that element of the parameter, of its
  /// gradient and of the state alone (and on whether the tensor is a matrix), so that any rows of a
  /// tensor can be updated apart from the rest.
  virtual bool is_elementwise() const = 0;
};

/// Makes an optimizer over parameters (shared).
using OptimizerMaker = std::function<std::unique_ptr<Optimizer>(const NamedTensors& parameters)>;

/// What the config says of the optimizer: its kind, a maker that holds the kind's own options, and
/// what is done to gradients before any kind sees them.
struct OptimizerConfig {
  std::string kind;
  OptimizerMaker make;
  double clip_norm = 0.0;  ///< global norm that gradients are clipped to; 0: not clipped
};

/// Returns the names of all kinds.
std::vector<std::string> optimizer_kinds();
/// Reads the optimizer section. An option of another kind is an error. @throws Error(Config)
OptimizerConfig read_optimizer_config(const config::Reader& reader);

/// Returns the global L2 norm of the gradients of `parameters` times `scale`, in double. Tensors
/// without a gradient count as 0.
double gradient_norm(const NamedTensors& parameters, double scale);
/// Multiplies every gradient by `factor` in place.
void scale_gradients(const NamedTensors& parameters, double factor);
/// Returns the factor that clips a norm to clip_norm: min(1, clip_norm / (norm + eps)), 1 when
/// clip_norm is 0. fairseq has the default eps for float32 and none for float16.
double clip_factor(double norm, double clip_norm, double eps = 1e-6);

/// Returns GradientNumbers as a tensor on the loss sum's device; on a GPU without waiting for it.
/// @param loss_sum float64 scalar on the parameters' device
at::Tensor gradient_numbers(const NamedTensors& parameters, const ClipRule& rule,
                            const at::Tensor& loss_sum);

/// The same where the norm is known; waits for the loss sum.
at::Tensor gradient_numbers(const at::Tensor& loss_sum, double norm, const ClipRule& rule);

}  // namespace longspan
