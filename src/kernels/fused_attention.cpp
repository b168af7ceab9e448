// Causal attention on the CPU in query blocks (after FlashAttention, arXiv:2205.14135, with whole
// rows in cache instead of tiles of keys): one pass a block, keeps only the log-sum-exp of each row
// for backward, and never touches a key that no query of a block sees.

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>

#include "kernels/attention_function.h"
#include "kernels/bias_tensors.h"
#include "kernels/fused_problem.h"
#include "kernels/kernel_tables.h"
#include "kernels/panel_products.h"
#include "kernels/row_products.h"

namespace longspan {
namespace {

bool are_parts_of_one(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
  return q.is_alias_of(k) && q.is_alias_of(v);
}

// The rows of heads side by side. What is a part of a wider matrix by itself would keep all of it.
at::Tensor as_heads(const at::Tensor& x_BTHK, bool may_be_part) {
  const bool are_together = x_BTHK.stride(3) == 1 && x_BTHK.stride(2) == x_BTHK.size(3),
             is_whole = x_BTHK.stride(1) == x_BTHK.size(2) * x_BTHK.size(3);
  return are_together && (is_whole || may_be_part) ? x_BTHK : x_BTHK.contiguous();
}

// Queries, keys and values that are parts of one matrix have gradients that are parts of one, since
// a product with all of them is next.
fused::Gradients gradients_of(const AttentionCall& call) {
  const auto &q = call.q_BTHK, &k = call.k_BSGK, &v = call.v_BSGK;
  const std::int64_t B = q.size(0), T = q.size(1), H = q.size(2), G = k.size(2), K = q.size(3);
  if (!are_parts_of_one(q, k, v) || k.size(1) != T)
    return {at::empty(q.sizes(), q.options()),
            at::zeros(k.sizes(), k.options()),
            at::zeros(v.sizes(), v.options()),
            {}};
  const at::Tensor all = at::zeros({B, T, H + 2 * G, K}, q.options());
  return {all.narrow(2, 0, H), all.narrow(2, H, G), all.narrow(2, H + G, G), {}};
}

struct FusedKernel {
  static fused::Problem problem_of(const AttentionCall& call) {
    fused::Problem problem(call.q_BTHK, call.k_BSGK, call.scale);
    if (call.p > 0.0)
      problem.drop = {call.p, call.key, call.row_ids_BT.const_data_ptr<std::int64_t>()};
    if (call.first_seen_BT.defined())
      problem.first_seen = call.first_seen_BT.const_data_ptr<std::int32_t>();
    return problem;
  }

  static AttentionResult forward(const AttentionCall& call) {
    const at::Tensor& q = call.q_BTHK;
    const AttentionResult result{
        at::empty(q.sizes(), q.options()),
        at::empty({q.size(0), q.size(2), q.size(1)}, q.options().dtype(sums_of(q.scalar_type())))};
    fused::run_forward(problem_of(call), {q, call.k_BSGK, call.v_BSGK, call.bias, result.out_BTHK,
                                          result.log_sums_BHT});
    return result;
  }

  static AttentionInputGradients backward(const AttentionCall& call, const AttentionResult& result,
                                          const at::Tensor& d_out) {
    fused::Gradients d = gradients_of(call);
    fused::run_backward(
        problem_of(call),
        {call.q_BTHK, call.k_BSGK, call.v_BSGK, call.bias, result.out_BTHK, result.log_sums_BHT},
        d_out, call.bias_trains, d);
    return {d.q, d.k, d.v, d.bias_HN};
  }
};

bool has_backward(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
  return at::GradMode::is_enabled() &&
         (q.requires_grad() || k.requires_grad() || v.requires_grad());
}

// Returns whether products are of factors of the given dtype, also where it is narrow.
bool keeps_dtype(const at::Tensor& q_BTHK, const at::Tensor& k_BSGK, const at::Tensor& v_BSGK) {
  const auto dtype = q_BTHK.scalar_type();
  const std::int64_t T = q_BTHK.size(1);
  return fused::takes_panels(dtype, T, q_BTHK.size(3)) ||
         (fused::takes_rows(dtype, T, k_BSGK.size(1)) && !has_backward(q_BTHK, k_BSGK, v_BSGK));
}

}  // namespace

at::Tensor fused_attention(const at::Tensor& q_BTHK, const at::Tensor& k_BSGK,
                           const at::Tensor& v_BSGK, const AttentionOptions& options) {
  const auto sums = sums_of(q_BTHK.scalar_type()),
             dtype = keeps_dtype(q_BTHK, k_BSGK, v_BSGK) ? q_BTHK.scalar_type() : sums;
  at::Tensor bias_HN = bias_by_distance(options.bias, k_BSGK.size(1), sums);
  if (bias_HN.defined()) bias_HN = bias_HN.to(sums).contiguous();
  const at::Tensor q = q_BTHK.to(dtype), k = k_BSGK.to(dtype), v = v_BSGK.to(dtype);
  const bool are_parts = are_parts_of_one(q, k, v);
  return run_attention<FusedKernel>(as_heads(q, are_parts), as_heads(k, are_parts),
                                    as_heads(v, are_parts), bias_HN, options)
      .to(q_BTHK.scalar_type());
}

}  // namespace longspan
