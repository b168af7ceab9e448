// Linear layers in a narrow dtype as an operation of their own: the narrow weights are made once a
// step, not once a pass, and the gradients of weights are added up over the passes where their
// products form them, in float32.

#include "model/projection.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/mm.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>

#include "longspan/core/error.h"
#include "longspan/kernels/products.h"
#include "longspan/kernels/weight_gradient.h"
#include "model/weight_use.h"

namespace longspan {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr std::size_t kMostParts = 3;
constexpr std::size_t kWeight = 0, kBias = 1;  // companies
using Given = std::optional<at::Tensor>;

at::Tensor as_rows(const at::Tensor& x) { return x.reshape({-1, x.size(-1)}); }

// Returns gradients [N, widths] as one matrix: themselves, where one kernel made them as its parts.
at::Tensor side_by_side(const variable_list& rows) {
  const at::Tensor& first = rows.front();
  std::int64_t width = 0;
  for (const auto& part : rows) width += part.size(1);
  std::int64_t offset = first.storage_offset();
  for (const auto& part : rows) {
    if (!part.is_alias_of(first) || part.storage_offset() != offset || part.stride(0) != width ||
        part.stride(1) != 1)
      return at::cat(rows, 1);
    offset += part.size(1);
  }
  return first.as_strided({first.size(0), width}, {width, 1});
}

struct NarrowProjection : torch::autograd::Function<NarrowProjection> {
  // The parameters take part for the sake of their gradients; what is computed with are the narrow
  // weight [O, I] and bias [O] of all parts.
  static variable_list forward(AutogradContext* context, const at::Tensor& x, const Given& weight0,
                               const Given& weight1, const Given& weight2, const Given& /*bias0*/,
                               const Given& /*bias1*/, const Given& /*bias2*/,
                               const c10::intrusive_ptr<WeightUse>& use) {
    const at::Tensor& weight_OI = use->narrow(kWeight);
    // The parts of the product go their own ways: nobody needs to know that they share memory.
    const at::AutoDispatchBelowADInplaceOrView no_views;
    const at::Tensor x_NI = as_rows(x);
    const at::Tensor y_NO =
        linear_product(x_NI, weight_OI, use->size() > kBias ? use->narrow(kBias) : at::Tensor());
    context->save_for_backward({x_NI});
    context->saved_data["use"] = c10::IValue::make_capsule(use);
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
    const at::Tensor x_NI = context->get_saved_variables()[0];
    const auto capsule = context->saved_data["use"].toCapsule();
    auto& use = static_cast<WeightUse&>(*capsule);
    variable_list rows;
    for (const auto& gradient : gradients) rows.push_back(as_rows(gradient));
    const at::Tensor d_y_NO = rows.size() == 1 ? rows.front() : side_by_side(rows);
    variable_list results(8);
    if (context->needs_input_grad(0))
      results[0] =
          at::mm(d_y_NO, use.narrow(kWeight)).view(context->saved_data["sizes"].toIntVector());
    add_weight_gradient(use.gradient(kWeight), d_y_NO, x_NI);
    std::ranges::copy(use.hand_over(kWeight), results.begin() + 1);
    if (use.size() == kBias) return results;
    const at::Tensor d_bias_O = column_sums(d_y_NO);
    if (at::Tensor& sum_O = use.gradient(kBias); sum_O.defined())
      sum_O.add_(d_bias_O);
    else
      sum_O = d_bias_O;
    std::ranges::copy(use.hand_over(kBias), results.begin() + 1 + kMostParts);
    return results;
  }
};

struct NarrowProjectionBack : torch::autograd::Function<NarrowProjectionBack> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x_NO,
                            const at::Tensor& /*weight_OI*/,
                            const c10::intrusive_ptr<WeightUse>& use) {
    context->save_for_backward({x_NO});
    context->saved_data["use"] = c10::IValue::make_capsule(use);
    return at::mm(x_NO, use->narrow(kWeight));
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const at::Tensor x_NO = context->get_saved_variables()[0];
    const auto capsule = context->saved_data["use"].toCapsule();
    auto& use = static_cast<WeightUse&>(*capsule);
    add_weight_gradient(use.gradient(kWeight), x_NO, gradients[0]);
    at::Tensor d_x_NO;
    if (context->needs_input_grad(0)) d_x_NO = at::mm(gradients[0], use.narrow(kWeight).t());
    return {d_x_NO, use.hand_over(kWeight).front(), {}};
  }
};

}  // namespace

std::vector<Company> companies_of(const std::vector<const Linear*>& linears) {
  std::vector<Company> companies(1);
  for (const Linear* linear : linears) {
    companies[kWeight].parts.push_back(linear->weight_OI);
    if (!linear->bias_O.defined()) continue;
    companies.resize(2);
    companies[kBias].parts.push_back(linear->bias_O);
  }
  return companies;
}

std::vector<at::Tensor> project(const at::Tensor& x, const std::vector<const Linear*>& linears,
                                const ForwardOptions& options) {
  const auto dtype = options.compute_dtype;
  if (!c10::isReducedFloatingType(dtype)) {
    std::vector<WeightAndBias> layers;
    for (const Linear* linear : linears)
      layers.push_back({linear->weight_OI.to(dtype),
                        linear->bias_O.defined() ? linear->bias_O.to(dtype) : at::Tensor()});
    return linear_layers(x.to(dtype), layers);
  }
  check(linears.size() <= kMostParts, ErrorKind::Internal, "at most ", kMostParts,
        " linear layers are one product, got ", linears.size());
  std::array<Given, kMostParts> weights, biases;
  for (std::size_t i = 0; i < linears.size(); ++i) {
    weights[i] = linears[i]->weight_OI;
    if (linears[i]->bias_O.defined()) biases[i] = linears[i]->bias_O;
  }
  return NarrowProjection::apply(x.to(dtype), weights[0], weights[1], weights[2], biases[0],
                                 biases[1], biases[2],
                                 c10::make_intrusive<WeightUse>(companies_of(linears), options));
}

at::Tensor project_back(const at::Tensor& x_NO, const Linear& linear,
                        const ForwardOptions& options) {
  const auto dtype = options.compute_dtype;
  if (!c10::isReducedFloatingType(dtype))
    return linear_layer_back(x_NO.to(dtype), linear.weight_OI.to(dtype));
  return NarrowProjectionBack::apply(
      x_NO.to(dtype), linear.weight_OI,
      c10::make_intrusive<WeightUse>(companies_of({&linear}), options));
}

}  // namespace longspan
