// Cross-entropy by the kernels of this folder: what they are told, and the tensors that they fill.

#include <ATen/ops/empty.h>

#include "kernels/gpu/launches.h"
#include "kernels/kernel_tables.h"
#include "longspan/core/error.h"

namespace longspan {
namespace {

gpu::GradientType type_of(at::ScalarType dtype) {
  if (dtype == at::kBFloat16) return gpu::GradientType::BFloat16;
  if (dtype == at::kHalf) return gpu::GradientType::Float16;
  check(dtype == at::kFloat, ErrorKind::Internal,
        "a gradient of float32 logits must be float32 or narrower, got ", dtype);
  return gpu::GradientType::Float32;
}

gpu::LogitRows rows_of(const at::Tensor& logits_NV, const at::Tensor& targets_N) {
  return {logits_NV.const_data_ptr<float>(), targets_N.const_data_ptr<std::int64_t>(),
          static_cast<int>(logits_NV.size(0)), static_cast<int>(logits_NV.size(1))};
}

}  // namespace

bool takes_gpu_cross_entropy(const KernelCase& wanted) {
  return gpu::launches_on(wanted.device) != nullptr && wanted.dtype == at::kFloat;
}

RowLosses gpu_loss(const at::Tensor& logits_NV, const at::Tensor& targets_N,
                   const LogitGradient& wanted) {
  const bool in_place = wanted.dtype == at::kFloat;
  const at::Tensor d_logits_NV =
      in_place ? logits_NV : at::empty(logits_NV.sizes(), logits_NV.options().dtype(wanted.dtype));
  const at::Tensor losses_N = at::empty({logits_NV.size(0)}, logits_NV.options());
  gpu::launches_for(logits_NV)->cross_entropy(
      type_of(wanted.dtype), rows_of(logits_NV, targets_N),
      {d_logits_NV.mutable_data_ptr(), losses_N.mutable_data_ptr<float>(),
       static_cast<float>(wanted.scale)});
  return {losses_N.sum(at::kDouble), d_logits_NV};
}

at::Tensor gpu_log_probabilities(const at::Tensor& logits_NV, const at::Tensor& targets_N) {
  const at::Tensor result_N = at::empty({logits_NV.size(0)}, logits_NV.options());
  gpu::launches_for(logits_NV)->target_log_probabilities(rows_of(logits_NV, targets_N),
                                                         result_N.mutable_data_ptr<float>());
  return result_N;
}

}  // namespace longspan
