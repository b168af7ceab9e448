// Causal attention on the CPU in query blocks (after FlashAttention, arXiv:2205.14135, with whole
// rows in cache instead of tiles of keys): one pass a block, keeps only the log-sum-exp of each row
// for backward, and never touches a key past the block's last query.

#include <ATen/ops/empty.h>
#include <torch/csrc/autograd/custom_function.h>

#include "kernels/bias_tensors.h"
#include "kernels/fused_problem.h"
#include "kernels/kernel_tables.h"

namespace longspan {
namespace {

struct FusedAttention : torch::autograd::Function<FusedAttention> {
  static fused::Problem problem_of(const fused::Tensors& tensors, const at::Tensor& row_ids,
                                   torch::autograd::AutogradContext& context) {
    auto& saved = context.saved_data;
    fused::Problem problem(tensors.q, tensors.k, saved["scale"].toDouble());
    const double p = saved["p"].toDouble();
    const auto key = saved["key"].toIntList();
    if (p > 0.0)
      problem.drop = {p,
                      {static_cast<std::uint64_t>(key.get(0)), key.get(1),
                       static_cast<std::uint64_t>(key.get(2))},
                      row_ids.const_data_ptr<std::int64_t>()};
    return problem;
  }

  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& q,
                            const at::Tensor& k, const at::Tensor& v,
                            const std::optional<at::Tensor>& bias,
                            const std::optional<at::Tensor>& rows,
                            const c10::List<std::int64_t>& key, double scale, double p) {
    const at::Tensor bias_HN = bias.value_or(at::Tensor()), row_ids = rows.value_or(at::Tensor());
    context->saved_data["key"] = key;
    context->saved_data["scale"] = scale;
    context->saved_data["p"] = p;
    context->saved_data["bias_trains"] = bias_HN.defined() && bias_HN.requires_grad();
    const std::vector<std::int64_t> sum_sizes{q.size(0), q.size(2), q.size(1)};
    const fused::Tensors tensors{
        q, k, v, bias_HN, at::empty(q.sizes(), q.options()), at::empty(sum_sizes, q.options())};
    fused::run_forward(problem_of(tensors, row_ids, *context), tensors);
    context->save_for_backward({q, k, v, bias_HN, row_ids, tensors.out, tensors.log_sums_BHT});
    return tensors.out;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const fused::Tensors tensors{saved[0], saved[1], saved[2], saved[3], saved[5], saved[6]};
    const auto d =
        fused::run_backward(problem_of(tensors, saved[4], *context), tensors,
                            gradients[0].contiguous(), context->saved_data["bias_trains"].toBool());
    return {d.q, d.k, d.v, d.bias_HN, {}, {}, {}, {}};
  }
};

}  // namespace

at::Tensor fused_attention(const at::Tensor& q_BTHK, const at::Tensor& k_BSGK,
                           const at::Tensor& v_BSGK, const AttentionOptions& options) {
  const auto dtype = q_BTHK.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  const auto ready = [&](const at::Tensor& x) { return x.to(dtype).contiguous(); };
  const AttentionDropout drop = options.dropout.value_or(AttentionDropout{});
  const c10::List<std::int64_t> key({static_cast<std::int64_t>(drop.key.seed), drop.key.step,
                                     static_cast<std::int64_t>(drop.key.site)});
  std::optional<at::Tensor> bias, row_ids;
  const auto bias_HN = bias_by_distance(options.bias, k_BSGK.size(1), dtype);
  if (bias_HN.defined()) bias = ready(bias_HN);
  if (drop.p > 0.0) row_ids = drop.row_ids_BT.contiguous();
  return FusedAttention::apply(ready(q_BTHK), ready(k_BSGK), ready(v_BSGK), bias, row_ids, key,
                               options.scale, drop.p)
      .to(q_BTHK.scalar_type());
}

}  // namespace longspan
