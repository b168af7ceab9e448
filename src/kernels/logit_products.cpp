// Products with sums of float32: those around the logits, and the gradients of weights. LibTorch
// has products of narrow factors with float32 results on GPUs alone.

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/zeros.h>

#include "kernels/kernel_tables.h"
#include "kernels/row_math.h"
#include "longspan/core/error.h"
#include "longspan/kernels/products.h"
#include "longspan/kernels/weight_gradient.h"

namespace longspan {
namespace {

bool takes_narrow_on_cuda(const KernelCase& wanted) {
  return wanted.device == c10::kCUDA && c10::isReducedFloatingType(wanted.dtype);
}

at::Tensor wide_logits(const at::Tensor& x_ND, const at::Tensor& weight_VD) {
  return at::mm(x_ND, weight_VD.t(), at::kFloat);
}

void add_wide_gradient(at::Tensor& d_weight_VD, const at::Tensor& d_logits_NV,
                       const at::Tensor& x_ND) {
  at::addmm_out(d_weight_VD, d_weight_VD, d_logits_NV.t(), x_ND, at::kFloat);
}

at::Tensor narrow_logits(const at::Tensor& x_ND, const at::Tensor& weight_VD) {
  return at::mm(x_ND, weight_VD.t());
}

at::Tensor widened_logits(const at::Tensor& x_ND, const at::Tensor& weight_VD) {
  return product(x_ND, weight_VD.t()).to(sums_of(x_ND.scalar_type()));
}

void add_widened_gradient(at::Tensor& d_weight_VD, const at::Tensor& d_logits_NV,
                          const at::Tensor& x_ND) {
  if (d_weight_VD.scalar_type() == x_ND.scalar_type())
    add_product(d_weight_VD, d_logits_NV.t(), x_ND);
  else
    d_weight_VD.add_(product(d_logits_NV.t(), x_ND));
}

void add_bfloat16_gradient(at::Tensor& d_weight_VD, const at::Tensor& d_logits_NV,
                           const at::Tensor& x_ND) {
  constexpr std::int64_t kFewestElements = 1 << 15;  // that are worth a thread
  const at::Tensor product_VD = product(d_logits_NV.t(), x_ND);
  auto* const sum = d_weight_VD.mutable_data_ptr<float>();
  const auto* const further = product_VD.const_data_ptr<c10::BFloat16>();
  at::parallel_for(0, product_VD.numel(), kFewestElements,
                   [&](std::int64_t begin, std::int64_t end) {
                     row_math::add_widened(sum + begin, further + begin, end - begin);
                   });
}

constexpr std::array kLogitProductsKernels{
    Kernel<LogitProducts>{"float32 sums of narrow factors on a GPU",
                          takes_narrow_on_cuda,
                          {wide_logits, add_wide_gradient}},
    Kernel<LogitProducts>{"logits that stay bfloat16 on a CPU",
                          takes_bfloat16_on_cpu,
                          {narrow_logits, add_bfloat16_gradient}},
    Kernel<LogitProducts>{
        "products widened afterwards", takes_all, {widened_logits, add_widened_gradient}},
};

}  // namespace

std::span<const Kernel<LogitProducts>> logit_product_kernels() { return kLogitProductsKernels; }

void add_weight_gradient(at::Tensor& d_weight_OI, const at::Tensor& d_y_NO,
                         const at::Tensor& x_NI) {
  if (x_NI.size(0) == 0) {
    if (!d_weight_OI.defined())
      d_weight_OI = at::zeros({d_y_NO.size(1), x_NI.size(1)},
                              x_NI.options().dtype(sums_of(x_NI.scalar_type())));
    return;
  }
  const auto& products =
      kernel_for(logit_product_kernels(), {x_NI.device().type(), x_NI.scalar_type()}).run;
  if (!d_weight_OI.defined()) {
    d_weight_OI = products.logits(d_y_NO.t(), x_NI.t()).to(sums_of(x_NI.scalar_type()));
    return;
  }
  check(d_weight_OI.is_contiguous(), ErrorKind::Internal,
        "a weight's gradient must be contiguous, got strides ", d_weight_OI.strides());
  products.add_weight_gradient(d_weight_OI, d_y_NO, x_NI);
}

}  // namespace longspan
