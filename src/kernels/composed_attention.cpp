// Attention from elementary operations on whole [B, H, T, S] scores: the reference for the fused
// path, and the path for dense biases and other devices.

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/stack.h>

#include <limits>
#include <vector>

#include "kernels/bias_tensors.h"
#include "kernels/kernel_tables.h"

namespace longspan {
namespace {

at::Tensor multipliers_like(const at::Tensor& p_BHTS, const AttentionDropout& drop) {
  const std::int64_t num_heads = p_BHTS.size(1), num_keys = p_BHTS.size(3);
  const at::Tensor row_ids_N = drop.row_ids_BT.reshape({-1}).contiguous();
  std::vector<at::Tensor> heads;
  for (std::int64_t h = 0; h < num_heads; ++h)
    heads.push_back(
        dropout_multipliers(row_ids_N, num_keys, {drop.p, drop.key, h}, p_BHTS.scalar_type())
            .view({drop.row_ids_BT.size(0), drop.row_ids_BT.size(1), num_keys}));
  return at::stack(heads, 1);
}

at::Tensor per_query_head(const at::Tensor& x_BSGK, std::int64_t num_heads) {
  return x_BSGK.repeat_interleave(num_heads / x_BSGK.size(2), 2).transpose(1, 2);
}

}  // namespace

at::Tensor composed_attention(const at::Tensor& q_BTHK, const at::Tensor& k_BSGK,
                              const at::Tensor& v_BSGK, const AttentionOptions& options) {
  const std::int64_t T = q_BTHK.size(1), S = k_BSGK.size(1), H = q_BTHK.size(2);
  const auto dtype = q_BTHK.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  const auto k_BHSK = per_query_head(k_BSGK, H), v_BHSK = per_query_head(v_BSGK, H);
  auto scores_BHTS =
      at::matmul(q_BTHK.transpose(1, 2), k_BHSK.transpose(-1, -2)).to(dtype) * options.scale;
  if (const auto bias_HTS = dense_bias(options.bias, {T, S}, dtype); bias_HTS.defined())
    scores_BHTS = scores_BHTS + bias_HTS;
  const auto index = q_BTHK.options().dtype(at::kLong).requires_grad(false);
  const auto future_TS =
      at::arange(S, index).unsqueeze(0).gt(at::arange(S - T, S, index).unsqueeze(1));
  scores_BHTS = scores_BHTS.masked_fill(future_TS, -std::numeric_limits<double>::infinity());
  if (options.first_seen_BT.defined()) {
    const auto unseen_BTS = at::arange(S, index).lt(options.first_seen_BT.unsqueeze(2));
    scores_BHTS =
        scores_BHTS.masked_fill(unseen_BTS.unsqueeze(1), -std::numeric_limits<double>::infinity());
  }
  auto p_BHTS = scores_BHTS.softmax(-1);
  if (options.dropout && options.dropout->p > 0.0)
    p_BHTS = p_BHTS * multipliers_like(p_BHTS, *options.dropout);
  return at::matmul(p_BHTS.to(v_BHSK.scalar_type()), v_BHSK).transpose(1, 2).contiguous();
}

}  // namespace longspan
