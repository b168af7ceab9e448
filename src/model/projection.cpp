// Linear layers in a narrow dtype as an operation of their own: the narrow weights are made once a
// step, not once a pass, and the gradients of weights come out of their product in float32.

#include "model/projection.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>

#include "longspan/core/error.h"

namespace longspan {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr std::size_t kMostParts = 3;
using Given = std::optional<at::Tensor>;

// LibTorch has products of narrow factors with float32 results on GPUs alone.
at::Tensor wide_product(const at::Tensor& a, const at::Tensor& b) {
  return a.is_cuda() ? at::mm(a, b, at::kFloat) : at::mm(a, b).to(at::kFloat);
}

at::Tensor as_rows(const at::Tensor& x) { return x.reshape({-1, x.size(-1)}); }

struct NarrowProjection : torch::autograd::Function<NarrowProjection> {
  // The parameters take part for the sake of their gradients; what is computed with are the narrow
  // weight [O, I] and bias [O] of all parts.
  static variable_list forward(AutogradContext* context, const at::Tensor& x, const Given& weight0,
                               const Given& weight1, const Given& weight2, const Given& /*bias0*/,
                               const Given& /*bias1*/, const Given& /*bias2*/,
                               const at::Tensor& weight_OI, const Given& bias_O) {
    // The parts of the product go their own ways: nobody needs to know that they share memory.
    const at::AutoDispatchBelowADInplaceOrView no_views;
    const at::Tensor x_NI = as_rows(x);
    const at::Tensor y_NO =
        bias_O ? at::addmm(*bias_O, x_NI, weight_OI.t()) : at::mm(x_NI, weight_OI.t());
    context->save_for_backward({x_NI, weight_OI});
    context->saved_data["has_bias"] = bias_O.has_value();
    context->saved_data["sizes"] = x.sizes().vec();
    std::vector<std::int64_t> widths;
    for (const Given* weight : {&weight0, &weight1, &weight2})
      if (*weight) widths.push_back((*weight)->size(0));
    context->saved_data["widths"] = widths;
    auto sizes = x.sizes().vec();
    variable_list parts;
    std::int64_t begin = 0;
    for (const std::int64_t width : widths) {
      sizes.back() = width;
      auto strides = std::vector<std::int64_t>(sizes.size(), 1);
      std::int64_t stride = y_NO.size(1);
      for (std::size_t i = sizes.size() - 1; i-- > 0; stride *= sizes[i]) strides[i] = stride;
      parts.push_back(y_NO.as_strided(sizes, strides, begin));
      begin += width;
    }
    return parts;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor &x_NI = saved[0], &weight_OI = saved[1];
    const auto widths = context->saved_data["widths"].toIntVector();
    variable_list rows;
    for (const auto& gradient : gradients) rows.push_back(as_rows(gradient));
    const at::Tensor d_y_NO = rows.size() == 1 ? rows.front() : at::cat(rows, 1);
    variable_list results(9);
    if (context->needs_input_grad(0))
      results[0] = at::mm(d_y_NO, weight_OI).view(context->saved_data["sizes"].toIntVector());
    const at::Tensor d_weight_OI = wide_product(d_y_NO.t(), x_NI);
    at::Tensor d_bias_O;
    if (context->saved_data["has_bias"].toBool())
      d_bias_O = d_y_NO.sum(0, /*keepdim=*/false, at::kFloat);
    std::int64_t begin = 0;
    for (std::size_t i = 0; i < widths.size(); ++i) {
      results[1 + i] = d_weight_OI.narrow(0, begin, widths[i]);
      if (d_bias_O.defined()) results[1 + kMostParts + i] = d_bias_O.narrow(0, begin, widths[i]);
      begin += widths[i];
    }
    return results;
  }
};

}  // namespace

std::vector<at::Tensor> project(const at::Tensor& x, const std::vector<const Linear*>& linears,
                                const ForwardOptions& options) {
  const auto dtype = options.compute_dtype;
  if (dtype != at::kBFloat16 && dtype != at::kHalf) {
    std::vector<at::Tensor> results;
    for (const Linear* linear : linears) results.push_back(linear->forward(x, dtype));
    return results;
  }
  check(linears.size() <= kMostParts, ErrorKind::Internal, "at most ", kMostParts,
        " linear layers are one product, got ", linears.size());
  std::vector<at::Tensor> weights, biases;
  std::array<Given, kMostParts> given_weights, given_biases;
  for (std::size_t i = 0; i < linears.size(); ++i) {
    weights.push_back(linears[i]->weight_OI);
    given_weights[i] = weights.back();
    if (!linears[i]->bias_O.defined()) continue;
    biases.push_back(linears[i]->bias_O);
    given_biases[i] = biases.back();
  }
  NarrowWeights own;
  NarrowWeights& narrow = options.narrow_weights != nullptr ? *options.narrow_weights : own;
  Given bias_O;
  if (!biases.empty()) bias_O = narrow.of(biases, dtype);
  return NarrowProjection::apply(x.to(dtype), given_weights[0], given_weights[1], given_weights[2],
                                 given_biases[0], given_biases[1], given_biases[2],
                                 narrow.of(weights, dtype), bias_O);
}

}  // namespace longspan
