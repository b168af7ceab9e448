#include "longspan/model/narrow_weights.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>

#include "longspan/core/error.h"

namespace longspan {

at::Tensor NarrowWeights::of(const std::vector<at::Tensor>& parts, at::ScalarType dtype) {
  const at::Tensor& first = parts.front();
  at::Tensor& narrow = by_first_part_[first.unsafeGetTensorImpl()];
  std::int64_t rows = 0;
  for (const auto& part : parts) rows += part.size(0);
  if (!narrow.defined()) {
    const at::NoGradGuard no_gradient;
    auto sizes = first.sizes().vec();
    sizes[0] = rows;
    narrow = at::empty(sizes, first.options().dtype(dtype).requires_grad(false));
    std::int64_t row = 0;
    for (const auto& part : parts) {
      narrow.narrow(0, row, part.size(0)).copy_(part);
      row += part.size(0);
    }
  }
  check(narrow.size(0) == rows && narrow.scalar_type() == dtype, ErrorKind::Internal,
        "a weight is narrowed once a step, to ", narrow.size(0), " rows of ", narrow.scalar_type(),
        "; asked for ", rows, " of ", dtype);
  return narrow;
}

}  // namespace longspan
