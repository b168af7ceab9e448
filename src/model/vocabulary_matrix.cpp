// Both ends of a matrix as narrow operations of their own. The head's gradient is there when its
// loss is, so its forward adds it; an embedding's backward adds to the same sum.

#include "model/vocabulary_matrix.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/custom_function.h>

#include "longspan/core/error.h"
#include "longspan/kernels/cross_entropy.h"
#include "longspan/kernels/step_part.h"
#include "longspan/kernels/weight_gradient.h"
#include "model/weight_use.h"

namespace longspan {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Puts the gradients of one part, or of two, where backward returns them.
void hand_over(WeightUse& use, variable_list& results, std::size_t first) {
  for (auto& gradient : use.hand_over(0)) results[first++] = std::move(gradient);
}

struct NarrowLoss : torch::autograd::Function<NarrowLoss> {
  // The parameters take part for the sake of their gradients.
  static at::Tensor forward(AutogradContext* context, const at::Tensor& features_ND,
                            const at::Tensor& weight_VD,
                            const std::optional<at::Tensor>& further_CD,
                            const at::Tensor& targets_N, double loss_scale, bool has_backward,
                            const c10::intrusive_ptr<WeightUse>& use) {
    const std::int64_t V = weight_VD.size(0) + (further_CD ? further_CD->size(0) : 0);
    const auto found = linear_cross_entropy({features_ND, use->narrow(0), V, targets_N, loss_scale},
                                            has_backward ? &use->gradient(0) : nullptr);
    context->save_for_backward({found.d_features_ND});
    context->saved_data["loss_scale"] = loss_scale;
    context->saved_data["use"] = c10::IValue::make_capsule(use);
    return found.loss;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const double told = context->saved_data["loss_scale"].toDouble();
    // Looked at where nobody waits for it.
    check(
        !gradients[0].is_cpu() || *gradients[0].const_data_ptr<float>() == static_cast<float>(told),
        ErrorKind::Internal, "backward of a narrow loss must be called with the loss scale, ",
        told);
    const auto capsule = context->saved_data["use"].toCapsule();
    variable_list results(7);
    results[0] = context->get_saved_variables()[0];
    hand_over(static_cast<WeightUse&>(*capsule), results, 1);
    return results;
  }
};

struct TiedRows : torch::autograd::Function<TiedRows> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& weight_VD,
                            const std::optional<at::Tensor>& /*further_CD*/, const at::Tensor& ids,
                            const c10::intrusive_ptr<WeightUse>& use) {
    context->save_for_backward({ids});
    context->saved_data["use"] = c10::IValue::make_capsule(use);
    return at::embedding(weight_VD, ids);
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const StepPart part("longspan::embedding");
    const auto capsule = context->saved_data["use"].toCapsule();
    auto& use = static_cast<WeightUse&>(*capsule);
    at::Tensor& sum_CD = use.gradient(0);
    if (!sum_CD.defined())
      sum_CD = at::zeros(use.narrow(0).sizes(), gradients[0].options().dtype(at::kFloat));
    add_rows(sum_CD, context->get_saved_variables()[0].reshape({-1}),
             gradients[0].reshape({-1, sum_CD.size(1)}));
    variable_list results(4);
    hand_over(use, results, 0);
    return results;
  }
};

}  // namespace

Company VocabularyMatrix::company(at::ScalarType dtype) const {
  Company company{{weight_VD}, 0};
  if (further_CD.defined()) company.parts.push_back(further_CD);
  const std::int64_t V = company.rows();
  company.further_rows = columns_of_logits(V, dtype, weight_VD.device().type()) - V;
  return company;
}

std::optional<at::Tensor> VocabularyMatrix::further() const {
  return further_CD.defined() ? std::optional(further_CD) : std::nullopt;
}

void VocabularyMatrix::add_companies(std::vector<Company>& companies, at::ScalarType dtype) const {
  if (has_logits) companies.push_back(company(dtype));
}

at::Tensor VocabularyMatrix::embed(const at::Tensor& ids, const ForwardOptions& options) const {
  const auto dtype = options.compute_dtype;
  if (!has_logits || !c10::isReducedFloatingType(dtype) || options.step_weights == nullptr)
    return at::embedding(weight_VD, ids);
  return TiedRows::apply(weight_VD, further(), ids,
                         c10::make_intrusive<WeightUse>(std::vector{company(dtype)}, options));
}

at::Tensor VocabularyMatrix::loss_sum(const at::Tensor& features_ND, const at::Tensor& targets_N,
                                      const ForwardOptions& options) const {
  const auto dtype = options.compute_dtype;
  if (!c10::isReducedFloatingType(dtype))
    return linear_cross_entropy(features_ND, rows().to(dtype), targets_N, options.loss_scale);
  return NarrowLoss::apply(features_ND.contiguous(), weight_VD, further(), targets_N.contiguous(),
                           options.loss_scale, at::GradMode::is_enabled(),
                           c10::make_intrusive<WeightUse>(std::vector{company(dtype)}, options));
}

bool VocabularyMatrix::must_hand_over(const ForwardOptions& options) const {
  const auto dtype = options.compute_dtype;
  StepWeights* const weights = options.step_weights;
  if (!c10::isReducedFloatingType(dtype) || weights == nullptr || !weights->is_last_pass())
    return false;
  const StepWeights::Joint& joint = weights->of(company(dtype), dtype);
  return joint.gradient.defined() && joint.uses == 0;
}

at::Tensor VocabularyMatrix::rows() const {
  return further_CD.defined() ? at::cat({weight_VD, further_CD}) : weight_VD;
}

}  // namespace longspan
