#include "kernels/gpu/row_tensors.h"

#include "kernels/gpu/launches.h"
#include "longspan/core/ceil_divide.h"
#include "longspan/core/error.h"

namespace longspan::gpu {

bool fits_rows(const KernelCase& wanted) {
  const bool narrow = wanted.dtype == at::kBFloat16 || wanted.dtype == at::kHalf;
  return narrow && wanted.width > 0 && wanted.width % kNeighbours == 0;
}

bool takes_rows(const KernelCase& wanted) {
  return launches_on(wanted.device) != nullptr && fits_rows(wanted);
}

bool is_aligned(const at::Tensor& x) {
  return reinterpret_cast<std::uintptr_t>(x.const_data_ptr()) % alignof(Wide) == 0;
}

at::Tensor with_aligned_elements(const at::Tensor& x) {
  const at::Tensor ready = x.contiguous();
  return is_aligned(ready) ? ready : ready.clone();
}

at::Tensor with_aligned_rows(const at::Tensor& x) {
  const at::Tensor rows = x.reshape({-1, x.size(-1)});
  const bool is_ready = rows.stride(1) == 1 && rows.stride(0) % kNeighbours == 0;
  return is_ready && is_aligned(rows) ? rows : with_aligned_elements(rows);
}

at::Tensor with_aligned_heads(const at::Tensor& x) {
  const bool is_ready = x.stride(3) == 1 && x.stride(2) == x.size(3) &&
                        x.stride(1) % kNeighbours == 0 && x.stride(0) % kNeighbours == 0;
  return is_ready && is_aligned(x) ? x : with_aligned_elements(x);
}

ChunkedRows shape_of_rows(const at::Tensor& x) {
  const std::int64_t D = x.size(-1), N = x.numel() / D;
  check(N * ceil_divide(D, kMaskChunk) < kMostChunks, ErrorKind::Internal,
        "kernels on rows take at most ", kMostChunks, " chunks of ", kMaskChunk, ", got ",
        x.sizes());
  return {static_cast<int>(N), static_cast<int>(D)};
}

std::uint16_t* elements(const at::Tensor& tensor) {
  return static_cast<std::uint16_t*>(tensor.mutable_data_ptr());
}

MaskRule mask_rule(const DropoutRule& rule) {
  const auto mask = row_mask(rule, 0);
  return {mask.key, mask.counter.x[2], mask.keep};
}

RowMasks row_masks(const at::Tensor& row_ids_N, const DropoutRule& rule) {
  return {row_ids_N.const_data_ptr<std::int64_t>(), mask_rule(rule)};
}

}  // namespace longspan::gpu
