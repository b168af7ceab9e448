// Dropout by the kernel of this folder: one launch, and no mask in memory.

#include <ATen/ops/empty.h>

#include "kernels/gpu/launches.h"
#include "kernels/gpu/row_tensors.h"

namespace longspan {

at::Tensor gpu_dropout(const at::Tensor& x_ND, const at::Tensor& row_ids_N,
                       const DropoutRule& rule) {
  const at::Tensor out_ND = at::empty(x_ND.sizes(), x_ND.options());
  if (x_ND.numel() == 0) return out_ND;
  const at::Tensor in_ND = gpu::with_aligned_elements(x_ND);
  gpu::launches_for(x_ND)->dropout({x_ND.scalar_type() == at::kBFloat16, gpu::shape_of_rows(in_ND),
                                    gpu::elements(in_ND), gpu::elements(out_ND),
                                    gpu::row_masks(row_ids_N, rule)});
  return out_ND;
}

}  // namespace longspan
