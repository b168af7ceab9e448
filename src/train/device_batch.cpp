// The way of a step's ids to the model's device.

#include "train/device_batch.h"

#include <ATen/ops/from_blob.h>

namespace longspan {
namespace {

// Read only; from_blob takes no const.
at::Tensor view(const std::vector<std::int64_t>& values, at::IntArrayRef sizes) {
  return at::from_blob(const_cast<std::int64_t*>(values.data()), sizes, at::kLong);
}

}  // namespace

DeviceBatch::DeviceBatch(const HostBatch& batch, const Transformer& model)
    : batch_(batch),
      model_(model),
      device_(model.parameters().front().tensor.device()),
      input_ids_BT_(put(view(batch.input_ids, {batch.num_sequences, batch.seq_len}))),
      target_ids_BT_(put(view(batch.target_ids, {batch.num_sequences, batch.seq_len}))),
      sequence_ids_B_(put(view(batch.sequence_ids, {batch.num_sequences}))) {}

PassIds DeviceBatch::pass(std::int64_t first, std::int64_t count) const {
  return {input_ids_BT_.narrow(0, first, count),
          target_ids_BT_.narrow(0, first, count),
          sequence_ids_B_.narrow(0, first, count),
          {band_rows(batch_.input_ids, first, count), band_rows(batch_.target_ids, first, count)}};
}

at::Tensor DeviceBatch::put(const at::Tensor& host) const {
  return device_.is_cuda() ? host.pin_memory().to(device_, /*non_blocking=*/true)
                           : host.to(device_);
}

BandRows DeviceBatch::band_rows(const std::vector<std::int64_t>& ids, std::int64_t first,
                                std::int64_t count) const {
  BandRows rows =
      model_.band_rows(std::span(ids).subspan(static_cast<std::size_t>(first * batch_.seq_len),
                                              static_cast<std::size_t>(count * batch_.seq_len)));
  for (at::Tensor* tensor : {&rows.rows_M, &rows.order_N})
    if (tensor->defined()) *tensor = put(*tensor);
  return rows;
}

}  // namespace longspan
