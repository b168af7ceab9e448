#include "longspan/model/step_weights.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>

#include <algorithm>

#include "longspan/core/error.h"
#include "longspan/kernels/tensor_updates.h"

namespace longspan {

std::int64_t Company::rows() const {
  std::int64_t rows = further_rows;
  for (const auto& part : parts) rows += part.size(0);
  return rows;
}

StepWeights::StepWeights(const std::vector<Company>& companies, at::ScalarType dtype) {
  const at::NoGradGuard no_gradient;
  std::vector<NarrowCopy> copies;
  for (const Company& company : companies) {
    const at::Tensor& first = company.parts.front();
    const auto [place, is_new] = by_first_part_.try_emplace(first.unsafeGetTensorImpl());
    check(is_new, ErrorKind::Internal, "a tensor must be the first of one company only, got ",
          first.sizes(), " twice");
    auto sizes = first.sizes().vec();
    sizes[0] = company.rows();
    at::Tensor& narrow = place->second.narrow;
    narrow = at::empty(sizes, first.options().dtype(dtype).requires_grad(false));
    std::int64_t row = 0;
    for (const auto& part : company.parts) {
      copies.push_back({part, narrow.narrow(0, row, part.size(0))});
      row += part.size(0);
    }
    if (company.further_rows > 0) narrow.narrow(0, row, company.further_rows).zero_();
  }
  copy_narrow(copies);
}

StepWeights::Joint& StepWeights::of(const Company& company, at::ScalarType dtype) {
  const auto found = by_first_part_.find(company.parts.front().unsafeGetTensorImpl());
  check(found != by_first_part_.end(), ErrorKind::Internal,
        "a weight must be among those that a step's are made of, got one of ",
        company.parts.front().sizes());
  const at::Tensor& narrow = found->second.narrow;
  check(narrow.size(0) == company.rows() && narrow.scalar_type() == dtype, ErrorKind::Internal,
        "a weight has one narrow form a step, ", narrow.size(0), " rows of ", narrow.scalar_type(),
        "; asked for ", company.rows(), " of ", dtype);
  return found->second;
}

bool StepWeights::all_handed_over() const {
  return std::ranges::all_of(by_first_part_, [](const auto& each) {
    return !each.second.gradient.defined() || each.second.is_handed_over;
  });
}

}  // namespace longspan
