#pragma once

#include <torch/csrc/autograd/custom_function.h>

#include "kernels/saved_key.h"
#include "longspan/kernels/attention.h"
#include "longspan/kernels/step_part.h"

namespace longspan {

/// A call of a kernel of attention that brings its own gradients.
struct AttentionCall {
  at::Tensor q_BTHK, k_BSGK, v_BSGK;
  at::Tensor bias;  ///< by distance [H, N]; or, where the kernel takes them, slopes [H]; undefined
  at::Tensor row_ids_BT;     ///< undefined without dropout
  at::Tensor first_seen_BT;  ///< contiguous; undefined: every query sees key 0
  DropoutKey key;
  double scale = 1.0, p = 0.0;
  bool bias_trains = false;
};

struct AttentionResult {
  at::Tensor out_BTHK, log_sums_BHT;
};

struct AttentionInputGradients {
  at::Tensor q, k, v, bias;  ///< bias undefined unless it trains
};

/// Makes of a kernel's forward(call) and backward(call, result, d_out) an operation that autograd
/// knows.
template <class Kernel>
struct AttentionFunction : torch::autograd::Function<AttentionFunction<Kernel>> {
  static AttentionCall call_of(const torch::autograd::variable_list& saved,
                               torch::autograd::AutogradContext& context) {
    auto& data = context.saved_data;
    return {saved[0],
            saved[1],
            saved[2],
            saved[3],
            saved[4],
            saved[5],
            key_of(data["key"]),
            data["scale"].toDouble(),
            data["p"].toDouble(),
            data["bias_trains"].toBool()};
  }

  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& q,
                            const at::Tensor& k, const at::Tensor& v,
                            const std::optional<at::Tensor>& bias,
                            const std::optional<at::Tensor>& rows,
                            const std::optional<at::Tensor>& first_seen,
                            const c10::List<std::int64_t>& key, double scale, double p) {
    context->saved_data["key"] = key;
    context->saved_data["scale"] = scale;
    context->saved_data["p"] = p;
    context->saved_data["bias_trains"] = bias && bias->requires_grad();
    const torch::autograd::variable_list inputs{q,
                                                k,
                                                v,
                                                bias.value_or(at::Tensor()),
                                                rows.value_or(at::Tensor()),
                                                first_seen.value_or(at::Tensor())};
    const AttentionResult result = Kernel::forward(call_of(inputs, *context));
    context->save_for_backward({inputs[0], inputs[1], inputs[2], inputs[3], inputs[4], inputs[5],
                                result.out_BTHK, result.log_sums_BHT});
    return result.out_BTHK;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    const StepPart part("longspan::attention");
    const auto saved = context->get_saved_variables();
    const AttentionInputGradients d =
        Kernel::backward(call_of(saved, *context), {saved[6], saved[7]}, gradients[0].contiguous());
    return {d.q, d.k, d.v, d.bias, {}, {}, {}, {}, {}};
  }
};

/// Runs a kernel on inputs that are as it wants them. @param bias see AttentionCall
template <class Kernel>
at::Tensor run_attention(const at::Tensor& q_BTHK, const at::Tensor& k_BSGK,
                         const at::Tensor& v_BSGK, const at::Tensor& bias,
                         const AttentionOptions& options) {
  const AttentionDropout drop = options.dropout.value_or(AttentionDropout{});
  std::optional<at::Tensor> given_bias, row_ids, first_seen;
  if (bias.defined()) given_bias = bias;
  if (drop.p > 0.0) row_ids = drop.row_ids_BT.contiguous();
  if (options.first_seen_BT.defined()) first_seen = options.first_seen_BT.contiguous();
  return AttentionFunction<Kernel>::apply(q_BTHK, k_BSGK, v_BSGK, given_bias, row_ids, first_seen,
                                          saved_key(drop.key), options.scale, drop.p);
}

}  // namespace longspan
