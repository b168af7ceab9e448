// Activation and dropout by the kernels of this folder: what they are told, and what is kept for
// backward: inputs, and of ReLU the output, which the next matrix keeps as well.

#include <ATen/ops/empty.h>
#include <torch/csrc/autograd/custom_function.h>

#include "kernels/gpu/launches.h"
#include "kernels/gpu/row_tensors.h"
#include "kernels/saved_key.h"
#include "longspan/kernels/step_part.h"

namespace longspan {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct ActivationCall {
  Activation activation;
  at::Tensor x, gate;  // rows [N, F]; gate undefined unless gated
  at::Tensor row_ids;  // undefined without dropout
  DropoutRule rule;

  gpu::ActivationProblem problem() const {
    gpu::ActivationProblem p{};
    p.is_bfloat16 = x.scalar_type() == at::kBFloat16;
    p.drops = row_ids.defined();
    p.activation = activation;
    p.shape = gpu::shape_of_rows(x);
    p.x_NF = gpu::elements(x);
    p.x_stride = static_cast<int>(x.stride(0));
    if (gate.defined()) {
      p.gate_NF = gpu::elements(gate);
      p.gate_stride = static_cast<int>(gate.stride(0));
    }
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

// Gradients of an activation with a gate are one matrix, as what made x and gate is one product.
InputGradients empty_gradients(const ActivationCall& call) {
  if (!call.gate.defined()) return {empty_as(call.x), {}};
  const std::int64_t N = call.x.size(0), F = call.x.size(1);
  const at::Tensor both_N2F = at::empty({N, 2 * F}, call.x.options());
  return {both_N2F.narrow(1, 0, F), both_N2F.narrow(1, F, F)};
}

InputGradients run_backward(const ActivationCall& call, const at::Tensor& d_out) {
  const InputGradients d = empty_gradients(call);
  if (call.x.numel() == 0) return d;
  gpu::launches_for(call.x)->activation_backward(
      call.problem(),
      {gpu::elements(d_out), gpu::elements(d.x), d.gate.defined() ? gpu::elements(d.gate) : nullptr,
       static_cast<int>(d.x.stride(0))});
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
    const StepPart part("longspan::activation");
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
  if (input.gate.defined()) gate = gpu::with_aligned_rows(input.gate);
  if (drop.p > 0.0) row_ids = drop.row_ids.contiguous();
  return ActivationFunction::apply(gpu::with_aligned_rows(input.x), gate, row_ids,
                                   saved_key(drop.key), drop.p,
                                   static_cast<std::int64_t>(activation))
      .view(input.x.sizes());
}

}  // namespace longspan
