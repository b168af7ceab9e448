#include "kernels/gpu/row_tensors.h"

#include "kernels/gpu/launches.h"
#include "longspan/core/ceil_divide.h"
#include "longspan/core/error.h"

namespace longspan::gpu {

bool takes_rows(const KernelCase& wanted) {
  const bool narrow = wanted.dtype == at::kBFloat16 || wanted.dtype == at::kHalf;
  return launches_on(wanted.device) != nullptr && narrow && wanted.width > 0 &&
         wanted.width % kNeighbours == 0;
}

bool is_aligned(const at::Tensor& x) {
  return reinterpret_cast<std::uintptr_t>(x.const_data_ptr()) % alignof(Wide) == 0;
}

at::Tensor with_aligned_elements(const at::Tensor& x) {
  const at::Tensor ready = x.contiguous();
  return is_aligned(ready) ? ready : ready.clone();
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

RowMasks row_masks(const at::Tensor& row_ids_N, const DropoutRule& rule) {
  const auto mask = row_mask(rule, 0);
  return {row_ids_N.const_data_ptr<std::int64_t>(), {mask.key, mask.counter.x[2], mask.keep}};
}

}  // namespace longspan::gpu
