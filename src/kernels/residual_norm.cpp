#include "longspan/kernels/residual_norm.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/rms_norm.h>

#include "kernels/kernel_tables.h"
#include "longspan/kernels/step_part.h"

namespace longspan {
namespace {

at::Tensor dropped(const at::Tensor& branch, const std::optional<RowDropout>& dropout) {
  return dropout ? counted_dropout(branch, dropout->row_ids, dropout->p, dropout->key) : branch;
}

SumAndNorm composed(const ResidualNormCall& call) {
  SumAndNorm result;
  result.sum = call.branch.defined() ? call.x + dropped(call.branch, call.dropout) : call.x;
  if (call.norm == nullptr) return result;
  const NormWeights& norm = *call.norm;
  const auto wide =
      result.sum.scalar_type() == at::kDouble ? result.sum : result.sum.to(at::kFloat);
  const auto sizes = norm.weight_D.sizes();
  result.normed = (norm.centred ? at::layer_norm(wide, sizes, norm.weight_D, norm.bias_D, norm.eps)
                                : at::rms_norm(wide, sizes, norm.weight_D, norm.eps))
                      .to(call.dtype);
  return result;
}

constexpr std::array kResidualNormKernels{
    Kernel<ResidualNormRun>{"rows on a GPU", takes_gpu_residual_norm, gpu_residual_norm},
    Kernel<ResidualNormRun>{"rows on the CPU", takes_cpu_rows, cpu_residual_norm},
    Kernel<ResidualNormRun>{"composed operations", takes_all, composed},
};

SumAndNorm run(const ResidualNormCall& call) {
  const StepPart part("longspan::norms");
  // A kernel's elements are all of one dtype.
  const bool uniform = call.x.scalar_type() == call.dtype &&
                       (!call.branch.defined() || call.branch.scalar_type() == call.dtype);
  const KernelCase wanted{call.x.device().type(), uniform ? call.dtype : at::ScalarType::Undefined,
                          BiasForm::None, call.x.size(-1)};
  return kernel_for(residual_norm_kernels(), wanted).run(call);
}

}  // namespace

std::span<const Kernel<ResidualNormRun>> residual_norm_kernels() { return kResidualNormKernels; }

at::Tensor normalized(const at::Tensor& x, const NormWeights& norm, at::ScalarType dtype) {
  return run({x, {}, {}, &norm, dtype}).normed;
}

at::Tensor residual_sum(const at::Tensor& x, const at::Tensor& branch,
                        const std::optional<RowDropout>& dropout) {
  return run({x, branch, dropout, nullptr, x.scalar_type()}).sum;
}

SumAndNorm residual_norm(const at::Tensor& x, const at::Tensor& branch,
                         const std::optional<RowDropout>& dropout, const NormWeights& norm,
                         at::ScalarType dtype) {
  return run({x, branch, dropout, &norm, dtype});
}

}  // namespace longspan
