// Activation and dropout by the kernels of this folder: what they are told, and what is kept for
// backward: inputs, and of ReLU the output, which the next matrix keeps as well.

#include <ATen/ops/empty.h>
#include <torch/csrc/autograd/custom_function.h>

#include "kernels/gpu/launches.h"
#include "kernels/gpu/row_tensors.h"
#include "kernels/saved_key.h"

namespace longspan {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct ActivationCall {
  Activation activation;
  at::Tensor x, gate;  // contiguous; gate undefined unless gated
  at::Tensor row_ids;  // undefined without dropout
  DropoutRule rule;

  gpu::ActivationProblem problem() const {
    gpu::ActivationProblem p{};
    p.is_bfloat16 = x.scalar_type() == at::kBFloat16;
    p.drops = row_ids.defined();
    p.activation = activation;
    p.shape = gpu::shape_of_rows(x);
    p.x_NF = gpu::elements(x);
    if (gate.defined()) p.gate_NF = gpu::elements(gate);
    if (p.drops) p.masks = gpu::row_masks(row_ids, rule);
    return p;
  }
};

at::Tensor empty_as(const at::Tensor& x) { return at::empty(x.sizes(), x.options()); }

at::Tensor run_forward(const ActivationCall& call) {
  const at::Tensor out = empty_as(call.x);
  if (call.x.numel() > 0)
    gpu::launches_for(call.x)->activation_forward(call.problem(), gpu::elements(out));
  return out;
}

struct InputGradients {
  at::Tensor x, gate;
};

InputGradients run_backward(const ActivationCall& call, const at::Tensor& d_out) {
  const InputGradients d{empty_as(call.x), call.gate.defined() ? empty_as(call.gate) : call.gate};
  if (call.x.numel() == 0) return d;
  gpu::launches_for(call.x)->activation_backward(
      call.problem(), {gpu::elements(d_out), gpu::elements(d.x),
                       d.gate.defined() ? gpu::elements(d.gate) : nullptr});
  return d;
}

struct ActivationFunction : torch::autograd::Function<ActivationFunction> {
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
    const at::Tensor out = run_forward(call);
    context->save_for_backward(
        {call.activation == Activation::Relu ? out : call.x, call.gate, call.row_ids});
    return out;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const ActivationCall call = call_of(context->get_saved_variables(), *context);
    const InputGradients d = run_backward(call, gpu::with_aligned_elements(gradients[0]));
    return {d.x, d.gate, {}, {}, {}, {}};
  }
};

}  // namespace

at::Tensor gpu_activated(Activation activation, const ActivationInput& input,
                         const std::optional<RowDropout>& dropout) {
  const RowDropout drop = dropout.value_or(RowDropout{});
  std::optional<at::Tensor> gate, row_ids;
  if (input.gate.defined()) gate = gpu::with_aligned_elements(input.gate);
  if (drop.p > 0.0) row_ids = drop.row_ids.contiguous();
  return ActivationFunction::apply(gpu::with_aligned_elements(input.x), gate, row_ids,
                                   saved_key(drop.key), drop.p,
                                   static_cast<std::int64_t>(activation));
}

}  // namespace longspan
