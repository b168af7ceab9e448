#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "longspan/config/reader.h"
#include "longspan/core/named_tensors.h"

namespace longspan {

/// What the config says of the optimizer. An option of another kind is an error.
struct OptimizerConfig {
  std::string kind = "adamw";  ///< nag | adamw | sgd
  double momentum = 0.99;      ///< nag, sgd
  double beta1 = 0.9;          ///< adamw
  double beta2 = 0.95;         ///< adamw
  double eps = 1e-8;           ///< adamw
  double weight_decay = 0.0;   ///< decoupled; on matrices only (tensors of two dimensions or more)
  double clip_norm = 0.0;      ///< global norm that gradients are clipped to; 0: not clipped
};

/// Returns the names of all kinds.
std::vector<std::string> optimizer_kinds();
/// Reads the optimizer section. @throws Error(Config)
OptimizerConfig read_optimizer_config(const config::Reader& reader);

/// Updates parameters from their gradients. State is float32 and starts at zero.
class Optimizer {
 public:
  virtual ~Optimizer() = default;
  /// Updates every parameter that has a gradient, in place. @param lr > 0
  virtual void step(double lr) = 0;
  /// Returns the state's tensors as "<slot>.<parameter name>", and scalars as tensors; shared, not
  /// copied.
  virtual NamedTensors state() const = 0;
  /// Copies a state in. @throws Error(Checkpoint) that names a missing, extra or misshapen tensor
  virtual void load_state(const NamedTensors& state) = 0;
};

/// Makes an optimizer over parameters (shared).
std::unique_ptr<Optimizer> make_optimizer(const OptimizerConfig& config,
                                          const NamedTensors& parameters);

/// Returns the global L2 norm of the gradients of `parameters` times `scale`, in double. Tensors
/// without a gradient count as 0.
double gradient_norm(const NamedTensors& parameters, double scale);
/// Multiplies every gradient by `factor` in place.
void scale_gradients(const NamedTensors& parameters, double factor);
/// Returns the factor that clips a norm to clip_norm: min(1, clip_norm / (norm + eps)), 1 when
/// clip_norm is 0. fairseq has the default eps for float32 and none for float16.
double clip_factor(double norm, double clip_norm, double eps = 1e-6);

}  // namespace longspan
