#pragma once

#include <ATen/ops/empty.h>
#include <torch/csrc/autograd/custom_function.h>

#include "kernels/kernel_tables.h"
#include "kernels/saved_key.h"
#include "longspan/kernels/step_part.h"

/// Activation and dropout as one node of the graph, over rows that a kernel computes both ways.
/// Kept for backward are the inputs, and of ReLU the output, which the next matrix keeps as well.
namespace longspan {

/// @param x rows [N, F], in backward of ReLU those that it gave  @param gate undefined without one
/// @param row_ids undefined without dropout
struct ActivationCall {
  Activation activation;
  at::Tensor x, gate, row_ids;
  DropoutRule rule;
};

struct ActivationGradients {
  at::Tensor x, gate;
};

/// Rows: as_rows(x) returns x [..., F] as the kernel reads it, [N, F]; ready(x) so the gradient of
/// the result; forward(call, out) and backward(call, d_out, d) fill what comes last.
template <class Rows>
struct ActivationNode : torch::autograd::Function<ActivationNode<Rows>> {
  using AutogradContext = torch::autograd::AutogradContext;
  using variable_list = torch::autograd::variable_list;

  static ActivationCall call_of(const variable_list& tensors, AutogradContext& context) {
    auto& data = context.saved_data;
    return {static_cast<Activation>(data["activation"].toInt()),
            tensors[0],
            tensors[1],
            tensors[2],
            {data["p"].toDouble(), key_of(data["key"])}};
  }

  static at::Tensor forward(AutogradContext* context, const at::Tensor& x,
                            const std::optional<at::Tensor>& gate,
                            const std::optional<at::Tensor>& row_ids,
                            const c10::List<std::int64_t>& key, double p, std::int64_t activation) {
    context->saved_data["key"] = key;
    context->saved_data["p"] = p;
    context->saved_data["activation"] = activation;
    const ActivationCall call =
        call_of({x, gate.value_or(at::Tensor()), row_ids.value_or(at::Tensor())}, *context);
    const at::Tensor out = at::empty(x.sizes(), x.options());
    if (x.numel() > 0) Rows::forward(call, out);
    context->save_for_backward(
        {call.activation == Activation::Relu ? out : call.x, call.gate, call.row_ids});
    return out;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const StepPart part("longspan::activation");
    const ActivationCall call = call_of(context->get_saved_variables(), *context);
    const ActivationGradients d = empty_gradients(call);
    if (call.x.numel() > 0) Rows::backward(call, Rows::ready(gradients[0]), d);
    return {d.x, d.gate, {}, {}, {}, {}};
  }

 private:
  // Gradients of parts of one matrix are parts of one.
  static ActivationGradients empty_gradients(const ActivationCall& call) {
    const at::Tensor &x = call.x, &gate = call.gate;
    if (!gate.defined()) return {at::empty(x.sizes(), x.options()), {}};
    const std::int64_t N = x.size(0), F = x.size(1);
    if (!x.is_alias_of(gate))
      return {at::empty(x.sizes(), x.options()), at::empty(x.sizes(), x.options())};
    const at::Tensor both_N2F = at::empty({N, 2 * F}, x.options());
    return {both_N2F.narrow(1, 0, F), both_N2F.narrow(1, F, F)};
  }
};

template <class Rows>
at::Tensor activated_by(Activation activation, const ActivationInput& input,
                        const std::optional<RowDropout>& dropout) {
  const RowDropout drop = dropout.value_or(RowDropout{});
  std::optional<at::Tensor> gate, row_ids;
  if (input.gate.defined()) gate = Rows::as_rows(input.gate);
  if (drop.p > 0.0) row_ids = drop.row_ids.contiguous();
  return ActivationNode<Rows>::apply(Rows::as_rows(input.x), gate, row_ids, saved_key(drop.key),
                                     drop.p, static_cast<std::int64_t>(activation))
      .view(input.x.sizes());
}

}  // namespace longspan
