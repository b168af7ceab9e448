#pragma once

#include "longspan/data/batches.h"
#include "longspan/model/transformer.h"

namespace longspan {

/// The ids of one pass, where the model is.
struct PassIds {
  at::Tensor input_ids_BT, target_ids_BT, sequence_ids_B;
  at::Tensor first_seen_BT;  ///< undefined where the batch has none
  PassBandRows band_rows;
};

/// The ids of a step on the model's device. On the CPU views into the host batch, which must
/// outlive them. A GPU takes all of them at once, from pinned memory, so that the host need not
/// wait for the copy.
class DeviceBatch {
 public:
  DeviceBatch(const HostBatch& batch, const Transformer& model);
  /// Returns the ids of some sequences. Their bands are looked up on the host, beside a GPU's work
  /// on the pass before.
  PassIds pass(std::int64_t first, std::int64_t count) const;

 private:
  at::Tensor put(const at::Tensor& host) const;
  PassBandRows band_rows(std::int64_t first, std::int64_t count) const;

  const HostBatch& batch_;
  const Transformer& model_;
  c10::Device device_;
  at::Tensor input_ids_BT_, target_ids_BT_, sequence_ids_B_, first_seen_BT_;
};

}  // namespace longspan
