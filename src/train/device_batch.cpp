// The way of a step's ids to the model's device.

#include "train/device_batch.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/from_blob.h>

namespace longspan {
namespace {

// Read only; from_blob takes no const.
template <class Value>
at::Tensor view(const std::vector<Value>& values, at::IntArrayRef sizes) {
  return at::from_blob(const_cast<Value*>(values.data()), sizes,
                       c10::CppTypeToScalarType<Value>::value);
}

}  // namespace

DeviceBatch::DeviceBatch(const HostBatch& batch, const Transformer& model)
    : batch_(batch),
      model_(model),
      device_(model.parameters().front().tensor.device()),
      input_ids_BT_(put(view(batch.input_ids, {batch.num_sequences, batch.seq_len}))),
      target_ids_BT_(put(view(batch.target_ids, {batch.num_sequences, batch.seq_len}))),
      sequence_ids_B_(put(view(batch.sequence_ids, {batch.num_sequences}))) {
  if (!batch.first_seen.empty())
    first_seen_BT_ = put(view(batch.first_seen, {batch.num_sequences, batch.seq_len}));
}

PassIds DeviceBatch::pass(std::int64_t first, std::int64_t count) const {
  return {input_ids_BT_.narrow(0, first, count), target_ids_BT_.narrow(0, first, count),
          sequence_ids_B_.narrow(0, first, count),
          first_seen_BT_.defined() ? first_seen_BT_.narrow(0, first, count) : at::Tensor(),
          band_rows(first, count)};
}

at::Tensor DeviceBatch::put(const at::Tensor& host) const {
  return device_.is_cuda() ? host.pin_memory().to(device_, /*non_blocking=*/true)
                           : host.to(device_);
}

PassBandRows DeviceBatch::band_rows(std::int64_t first, std::int64_t count) const {
  const auto of_pass = [&](const std::vector<std::int64_t>& ids) {
    return std::span(ids).subspan(static_cast<std::size_t>(first * batch_.seq_len),
                                  static_cast<std::size_t>(count * batch_.seq_len));
  };
  PassBandRows rows = model_.band_rows(of_pass(batch_.input_ids), of_pass(batch_.target_ids));
  if (device_.is_cpu() || rows.inputs.counts.empty()) return rows;
  // All in one copy.
  const auto tensors = tensors_of(rows);
  std::vector<at::Tensor> parts;
  for (const at::Tensor* tensor : tensors) parts.push_back(*tensor);
  const at::Tensor all = put(at::cat(parts));
  std::int64_t begin = 0;
  for (at::Tensor* tensor : tensors) {
    const std::int64_t size = tensor->numel();
    *tensor = all.narrow(0, begin, size);
    begin += size;
  }
  return rows;
}

}  // namespace longspan
