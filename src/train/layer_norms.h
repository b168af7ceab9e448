#pragma once

#include <string>
#include <vector>

#include "longspan/core/named_tensors.h"
#include "longspan/distributed/communicator.h"

namespace longspan {

/// What a step did to a layer; a parameter that is of no layer counts under its first name.
struct LayerNorms {
  std::string layer;      ///< "layers.0", "embedding", ...
  double gradient = 0.0;  ///< L2 norm of the mean loss's gradient, before clipping
  double weight = 0.0;    ///< of the parameters before the update
  double update = 0.0;    ///< of what the update added to them
};

/// Measures the norms of one step's layers. It holds a copy of the parameters meanwhile.
class LayerNormMeter {
 public:
  /// Reads gradients and parameters as they stand before the update.
  /// @param parameters that this rank has the gradients' sums of
  /// @param scale of the gradients
  LayerNormMeter(const NamedTensors& parameters, double scale);

  /// Returns the norms once the parameters are updated, in the order of the layers.
  std::vector<LayerNorms> finish() const;
  /// The same where each rank has a part of every parameter. Collective.
  std::vector<LayerNorms> finish(Communicator& communicator) const;

 private:
  struct Layer {
    std::vector<at::Tensor> now, before;
    LayerNorms norms;
  };
  std::vector<Layer> layers_;
};

}  // namespace longspan
