#pragma once

#include <ATen/ops/empty.h>
#include <torch/csrc/autograd/custom_function.h>

#include "kernels/kernel_tables.h"
#include "kernels/saved_key.h"
#include "longspan/kernels/step_part.h"

/// The residual stream as one node of the graph, over rows that a kernel computes both ways.
namespace longspan {

/// What a node of the graph keeps besides tensors.
struct ResidualNormNumbers {
  double p = 0.0, eps = 0.0;
  DropoutKey key;
  bool centred = false;

  void save(torch::autograd::AutogradContext& context) const {
    auto& saved = context.saved_data;
    saved["p"] = p;
    saved["eps"] = eps;
    saved["centred"] = centred;
    saved["key"] = saved_key(key);
  }
  static ResidualNormNumbers of(torch::autograd::AutogradContext& context) {
    auto& saved = context.saved_data;
    return {saved["p"].toDouble(), saved["eps"].toDouble(), key_of(saved["key"]),
            saved["centred"].toBool()};
  }
};

/// What both directions read. All but x may be undefined.
struct ResidualNormInputs {
  at::Tensor x, branch, weight_D, bias_D, row_ids_N;
  ResidualNormNumbers numbers;

  std::int64_t width() const { return x.size(-1); }
  std::int64_t num_rows() const { return x.numel() / width(); }
};

/// @param sum undefined: there is no branch  @param normed, mean_N, inverse_N undefined: no norm;
/// the latter two are each row's mean and 1 / deviation
struct ResidualNormOutputs {
  at::Tensor sum, normed, mean_N, inverse_N;
};

/// What backward reads of the forward pass and of later nodes, and what it writes.
struct ResidualNormGradients {
  at::Tensor sum, mean_N, inverse_N;  ///< undefined without a norm
  at::Tensor d_sum, d_normed;         ///< undefined: zeros
  at::Tensor d_x, d_branch;           ///< d_branch undefined: as d_x
  at::Tensor d_weights_P2D;           ///< by parts of the rows: the weight's and the bias's
};

/// Rows: ready(tensor) returns it as the kernel reads it, num_parts(num_rows) how many parts of
/// rows add up the gradients of the weights by themselves, forward and backward compute.
template <class Rows>
struct ResidualNormNode : torch::autograd::Function<ResidualNormNode<Rows>> {
  using AutogradContext = torch::autograd::AutogradContext;
  using variable_list = torch::autograd::variable_list;
  using Given = std::optional<at::Tensor>;

  // Not given are: branch of a norm alone, weight of a sum alone, bias of a norm without one.
  static variable_list forward(AutogradContext* context, const at::Tensor& x, const Given& branch,
                               const Given& weight_D, const Given& bias_D, const Given& row_ids_N,
                               const ResidualNormNumbers& numbers) {
    const auto or_none = [](const Given& given) { return given.value_or(at::Tensor()); };
    const ResidualNormInputs in{
        x, or_none(branch), or_none(weight_D), or_none(bias_D), or_none(row_ids_N), numbers};
    ResidualNormOutputs out;
    if (in.branch.defined()) out.sum = like(x);
    if (in.weight_D.defined()) {
      out.normed = like(x);
      out.mean_N = at::empty({in.num_rows()}, floats(in.weight_D));
      out.inverse_N = at::empty({in.num_rows()}, floats(in.weight_D));
    }
    Rows::forward(in, out);
    numbers.save(*context);
    context->saved_data["has_branch"] = in.branch.defined();
    context->saved_data["has_bias"] = in.bias_D.defined();
    context->save_for_backward({!in.weight_D.defined() ? at::Tensor()
                                : out.sum.defined()    ? out.sum
                                                       : x,
                                in.weight_D, in.row_ids_N, out.mean_N, out.inverse_N});
    context->set_materialize_grads(false);
    variable_list results;
    if (out.sum.defined()) results.push_back(out.sum);
    if (out.normed.defined()) results.push_back(out.normed);
    return results;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const StepPart step_part("longspan::norms");
    const auto saved = context->get_saved_variables();
    const at::Tensor& weight_D = saved[1];
    const bool has_branch = context->saved_data["has_branch"].toBool(),
               has_bias = context->saved_data["has_bias"].toBool();
    const auto ready = [](bool is_there, const at::Tensor& x) {
      return is_there && x.defined() ? Rows::ready(x) : at::Tensor();
    };
    ResidualNormGradients d;
    d.sum = saved[0];
    d.mean_N = saved[3];
    d.inverse_N = saved[4];
    d.d_sum = ready(has_branch, gradients.front());
    d.d_normed = ready(weight_D.defined(), gradients.back());
    if (!d.d_sum.defined() && !d.d_normed.defined()) return variable_list(6);
    const at::Tensor& some = d.d_sum.defined() ? d.d_sum : d.d_normed;
    const ResidualNormInputs in{some, {},       weight_D,
                                {},   saved[2], ResidualNormNumbers::of(*context)};
    d.d_x = like(some);
    if (has_branch && in.numbers.p > 0.0) d.d_branch = like(some);
    if (d.d_normed.defined())
      d.d_weights_P2D =
          at::empty({Rows::num_parts(in.num_rows()), 2, in.width()}, floats(weight_D));
    Rows::backward(in, d);
    at::Tensor d_weight_D, d_bias_D;
    if (d.d_normed.defined()) {
      const at::Tensor d_weights_2D = d.d_weights_P2D.sum(0);
      d_weight_D = d_weights_2D.select(0, 0);
      if (has_bias) d_bias_D = d_weights_2D.select(0, 1);
    }
    at::Tensor d_branch;
    if (has_branch) d_branch = d.d_branch.defined() ? d.d_branch : d.d_x;
    return {d.d_x, d_branch, d_weight_D, d_bias_D, {}, {}};
  }

 private:
  static at::Tensor like(const at::Tensor& x) { return at::empty(x.sizes(), x.options()); }
  static at::TensorOptions floats(const at::Tensor& weight_D) {
    return weight_D.options().requires_grad(false);
  }
};

template <class Rows>
SumAndNorm residual_norm_by(const ResidualNormCall& call) {
  ResidualNormNumbers numbers;
  std::optional<at::Tensor> branch, weight_D, bias_D, row_ids_N;
  if (call.branch.defined()) branch = Rows::ready(call.branch);
  if (call.dropout && call.dropout->p > 0.0) {
    numbers.p = call.dropout->p;
    numbers.key = call.dropout->key;
    row_ids_N = call.dropout->row_ids.reshape({-1}).contiguous();
  }
  if (call.norm != nullptr) {
    numbers.eps = call.norm->eps;
    numbers.centred = call.norm->centred;
    weight_D = call.norm->weight_D;
    if (call.norm->bias_D.defined()) bias_D = call.norm->bias_D;
  }
  const auto results = ResidualNormNode<Rows>::apply(Rows::ready(call.x), branch, weight_D, bias_D,
                                                     row_ids_N, numbers);
  SumAndNorm result{call.x, {}};
  if (branch) result.sum = results.front();
  if (weight_D) result.normed = results.back();
  return result;
}

}  // namespace longspan
