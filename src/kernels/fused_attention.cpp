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

  static AttentionInputGradients backward(const AttentionCall& given, const AttentionResult& result,
                                          const at::Tensor& d_out) {
    AttentionCall call = given;
    call.k_BSGK = call.k_BSGK.contiguous();
    call.v_BSGK = call.v_BSGK.contiguous();
    const auto d = fused::run_backward(
        problem_of(call),
        {call.q_BTHK, call.k_BSGK, call.v_BSGK, call.bias, result.out_BTHK, result.log_sums_BHT},
        d_out, call.bias_trains);
    return {d.q, d.k, d.v, d.bias_HN};
  }
};

// Returns whether keys and values lie alike, and the rows of each sequence side by side.
bool is_packed(const at::Tensor& k_BSGK, const at::Tensor& v_BSGK) {
  return k_BSGK.strides() == v_BSGK.strides() && k_BSGK.select(0, 0).is_contiguous();
}

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
  at::Tensor k = k_BSGK.to(dtype), v = v_BSGK.to(dtype);
  if (!is_packed(k, v)) {
    k = k.contiguous();
    v = v.contiguous();
  }
  at::Tensor bias_HN = bias_by_distance(options.bias, k_BSGK.size(1), sums);
  if (bias_HN.defined()) bias_HN = bias_HN.to(sums).contiguous();
  return run_attention<FusedKernel>(q_BTHK.to(dtype).contiguous(), k, v, bias_HN, options)
      .to(q_BTHK.scalar_type());
}

}  // namespace longspan
