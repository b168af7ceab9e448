// The residual stream by the kernels of this folder.

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <torch/csrc/autograd/custom_function.h>

#include "kernels/gpu/launches.h"
#include "kernels/gpu/row_tensors.h"
#include "kernels/saved_key.h"
#include "longspan/kernels/step_part.h"

namespace longspan {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

std::uint16_t* elements_or_null(const at::Tensor& tensor) {
  return tensor.defined() ? gpu::elements(tensor) : nullptr;
}

template <class Value>
Value* data(const at::Tensor& tensor) {
  return tensor.defined() ? tensor.mutable_data_ptr<Value>() : nullptr;
}

at::Tensor like(const at::Tensor& x) { return at::empty(x.sizes(), x.options()); }

// What a node of the graph keeps besides tensors.
struct Numbers {
  double p, eps;
  DropoutKey key;
  bool centred;

  void save(AutogradContext& context) const {
    context.saved_data["p"] = p;
    context.saved_data["eps"] = eps;
    context.saved_data["centred"] = centred;
    context.saved_data["key"] = saved_key(key);
  }
  static Numbers of(AutogradContext& context) {
    auto& saved = context.saved_data;
    return {saved["p"].toDouble(), saved["eps"].toDouble(), key_of(saved["key"]),
            saved["centred"].toBool()};
  }
};

gpu::ResidualNormProblem problem_of(const at::Tensor& like_x, const Numbers& numbers,
                                    const at::Tensor& row_ids) {
  gpu::ResidualNormProblem problem{};
  problem.width = static_cast<int>(like_x.size(-1));
  problem.num_rows = static_cast<int>(like_x.numel() / like_x.size(-1));
  problem.eps = static_cast<float>(numbers.eps);
  problem.centred = numbers.centred;
  if (numbers.p == 0.0) return problem;
  problem.row_ids_N = row_ids.const_data_ptr<std::int64_t>();
  problem.mask = gpu::mask_rule({numbers.p, numbers.key});
  return problem;
}

gpu::RowCase case_of(const at::Tensor& x, const Numbers& numbers) {
  return {x.scalar_type() == at::kBFloat16, numbers.p > 0.0};
}

struct ResidualNormNode : torch::autograd::Function<ResidualNormNode> {
  // Not given are: branch of a norm alone, weight of a sum alone, bias of a norm without one.
  static variable_list forward(AutogradContext* context, const at::Tensor& x,
                               const std::optional<at::Tensor>& given_branch,
                               const std::optional<at::Tensor>& given_weight,
                               const std::optional<at::Tensor>& given_bias,
                               const std::optional<at::Tensor>& given_row_ids,
                               const Numbers& numbers) {
    const at::Tensor branch = given_branch.value_or(at::Tensor()),
                     weight = given_weight.value_or(at::Tensor()),
                     bias = given_bias.value_or(at::Tensor()),
                     row_ids = given_row_ids.value_or(at::Tensor());
    gpu::ResidualNormProblem problem = problem_of(x, numbers, row_ids);
    problem.x_ND = elements_or_null(x);
    problem.branch_ND = elements_or_null(branch);
    problem.weight_D = data<float>(weight);
    problem.bias_D = data<float>(bias);
    const at::Tensor sum = branch.defined() ? like(x) : at::Tensor();
    at::Tensor normed, mean_N, inverse_N;
    if (weight.defined()) {
      normed = like(x);
      mean_N = at::empty({problem.num_rows}, weight.options().requires_grad(false));
      inverse_N = at::empty_like(mean_N);
    }
    gpu::launches_for(x)->residual_norm_forward(case_of(x, numbers), problem,
                                                {elements_or_null(sum), elements_or_null(normed),
                                                 data<float>(mean_N), data<float>(inverse_N)});
    numbers.save(*context);
    context->saved_data["has_branch"] = branch.defined();
    context->saved_data["has_bias"] = bias.defined();
    context->save_for_backward({!weight.defined() ? at::Tensor()
                                : sum.defined()   ? sum
                                                  : x,
                                weight, row_ids, mean_N, inverse_N});
    context->set_materialize_grads(false);
    variable_list results;
    if (sum.defined()) results.push_back(sum);
    if (normed.defined()) results.push_back(normed);
    return results;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const StepPart step_part("longspan::norms");
    const auto saved = context->get_saved_variables();
    const at::Tensor &sum = saved[0], &weight = saved[1];
    const Numbers numbers = Numbers::of(*context);
    const bool has_branch = context->saved_data["has_branch"].toBool(),
               has_bias = context->saved_data["has_bias"].toBool();
    const auto ready = [](const at::Tensor& x) {
      return x.defined() ? gpu::with_aligned_elements(x) : x;
    };
    const at::Tensor d_sum = ready(has_branch ? gradients.front() : at::Tensor()),
                     d_normed = ready(weight.defined() ? gradients.back() : at::Tensor());
    if (!d_sum.defined() && !d_normed.defined()) return variable_list(6);
    const at::Tensor& some = d_sum.defined() ? d_sum : d_normed;
    const at::Tensor d_x = like(some),
                     d_branch = has_branch && numbers.p > 0.0 ? like(some) : at::Tensor();
    gpu::ResidualNormProblem problem = problem_of(some, numbers, saved[2]);
    problem.weight_D = data<float>(weight);
    at::Tensor d_weights_P2D;
    if (d_normed.defined())
      d_weights_P2D = at::empty({gpu::num_parts(problem.num_rows), 2, problem.width},
                                weight.options().requires_grad(false));
    gpu::launches_for(some)->residual_norm_backward(
        case_of(some, numbers), problem,
        {elements_or_null(sum), data<float>(saved[3]), data<float>(saved[4]),
         elements_or_null(d_sum), elements_or_null(d_normed), elements_or_null(d_x),
         elements_or_null(d_branch), data<float>(d_weights_P2D)});
    at::Tensor d_weights_2D;
    if (d_normed.defined()) d_weights_2D = d_weights_P2D.sum(0);
    const auto part = [&](int i) {
      return d_weights_2D.defined() ? d_weights_2D.select(0, i) : at::Tensor();
    };
    return {d_x,     has_branch ? (d_branch.defined() ? d_branch : d_x) : at::Tensor(),
            part(0), has_bias ? part(1) : at::Tensor(),
            {},      {}};
  }
};

}  // namespace

bool takes_gpu_residual_norm(const KernelCase& wanted) {
  return gpu::takes_rows(wanted) && wanted.width <= gpu::kWidestRow;
}

SumAndNorm gpu_residual_norm(const ResidualNormCall& call) {
  Numbers numbers{0.0, 0.0, {}, false};
  std::optional<at::Tensor> branch, weight, bias, row_ids;
  if (call.branch.defined()) branch = gpu::with_aligned_elements(call.branch);
  if (call.dropout && call.dropout->p > 0.0) {
    numbers.p = call.dropout->p;
    numbers.key = call.dropout->key;
    row_ids = call.dropout->row_ids.reshape({-1}).contiguous();
  }
  if (call.norm != nullptr) {
    numbers.eps = call.norm->eps;
    numbers.centred = call.norm->centred;
    weight = call.norm->weight_D;
    if (call.norm->bias_D.defined()) bias = call.norm->bias_D;
  }
  const auto results = ResidualNormNode::apply(gpu::with_aligned_elements(call.x), branch, weight,
                                               bias, row_ids, numbers);
  SumAndNorm result{call.x, {}};
  if (branch) result.sum = results.front();
  if (weight) result.normed = results.back();
  return result;
}

}  // namespace longspan
