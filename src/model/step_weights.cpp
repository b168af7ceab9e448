#include "longspan/model/step_weights.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>

#include "longspan/core/error.h"
#include "longspan/kernels/tensor_updates.h"

namespace longspan {

StepWeights::Joint& StepWeights::of(const std::vector<at::Tensor>& parts, at::ScalarType dtype) {
  const at::Tensor& first = parts.front();
  Joint& joint = by_first_part_[first.unsafeGetTensorImpl()];
  std::int64_t rows = 0;
  for (const auto& part : parts) rows += part.size(0);
  if (!joint.narrow.defined()) {
    const at::NoGradGuard no_gradient;
    auto sizes = first.sizes().vec();
    sizes[0] = rows;
    joint.narrow = at::empty(sizes, first.options().dtype(dtype).requires_grad(false));
    std::int64_t row = 0;
    std::vector<NarrowCopy> copies;
    for (const auto& part : parts) {
      copies.push_back({part, joint.narrow.narrow(0, row, part.size(0))});
      row += part.size(0);
    }
    copy_narrow(copies);
  }
  check(joint.narrow.size(0) == rows && joint.narrow.scalar_type() == dtype, ErrorKind::Internal,
        "a weight has one narrow form a step, ", joint.narrow.size(0), " rows of ",
        joint.narrow.scalar_type(), "; asked for ", rows, " of ", dtype);
  return joint;
}

}  // namespace longspan
