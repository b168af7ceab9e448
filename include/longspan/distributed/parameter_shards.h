#pragma once

#include <cstdint>
#include <vector>

#include "longspan/core/named_tensors.h"
#include "longspan/distributed/buckets.h"
#include "longspan/distributed/communicator.h"

namespace longspan {

/// How ranks divide the update of parameters between them (ZeRO-1; Rajbhandari et al., "ZeRO",
/// SC 2020): parameters, gradients and the optimizer's state lie in flat buckets, and a rank owns
/// an equal part of each bucket, wherever that cuts a tensor.
class ParameterShards {
 public:
  /// Moves the parameters into buckets of at most bucket_bytes; who has their memory by an earlier
  /// alias has other memory then. @param parameters leaves of one dtype on one device, the same on
  /// all ranks, which outlive this, as the communicator does
  ParameterShards(const NamedTensors& parameters, Communicator& communicator,
                  std::int64_t bucket_bytes);

  const NamedTensors& parameters() const { return parameters_; }
  const std::vector<BucketLayout>& layout() const { return layout_; }
  /// Returns this rank's elements of each parameter, in the order of parameters(), some empty: they
  /// share its memory and have as many dimensions, by which optimizers tell matrices from the rest,
  /// all but the last of size 1. Each may be given a gradient.
  const NamedTensors& own() const { return own_; }
  /// Returns this rank's elements, as in own(), of a tensor that is shaped as parameter `number`.
  at::Tensor own_elements(std::size_t number, const at::Tensor& tensor) const;

  /// Collective. Fills in what other ranks own of the parameters.
  void gather();
  /// Collective. Returns whole tensors from the elements that each rank owns of them.
  /// @param numbers of the parameters that they are shaped as; each once
  /// @param own of one dtype
  std::vector<at::Tensor> gather(const std::vector<std::size_t>& numbers,
                                 const std::vector<at::Tensor>& own) const;

 private:
  struct Place {
    std::size_t bucket = 0;
    std::int64_t offset = 0;
    Part own;  // of the parameter's elements
  };
  at::Tensor whole(std::size_t number, const at::Tensor& bucket) const;
  void gather_buckets(const std::vector<at::Tensor>& buckets) const;

  NamedTensors parameters_, own_;
  Communicator& communicator_;
  std::vector<BucketLayout> layout_;
  std::vector<Place> places_;
  std::vector<at::Tensor> buckets_;  // of the parameters
};

}  // namespace longspan
