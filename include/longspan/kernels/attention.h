#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <string>

#include "longspan/kernels/bias_forms.h"
#include "longspan/kernels/dropout.h"

namespace longspan {

/// Dropout of the attention probabilities.
struct AttentionDropout {
  double p = 0.0;
  DropoutKey key;
  at::Tensor row_ids_BT;  ///< see dropout_row_ids
};

struct AttentionOptions {
  ScoreBias bias;
  double scale = 1.0;  ///< multiplies the products of query and key
  std::optional<AttentionDropout> dropout;
  /// int32 [B, T]: the first key that each query sees, never falling from a query to the next and
  /// never behind the query's own. Undefined: key 0.
  at::Tensor first_seen_BT = {};
};

/// Computes causal attention: query t (the queries are the last T of S positions) sees keys 0 ..
/// S-T+t, or from options.first_seen_BT on. Differentiable in q, k, v and in a trainable bias.
/// @param q_BTHK float  @param k_BSGK, v_BSGK as q; H a multiple of G (grouped heads)
/// @return [B, T, H, K] contiguous, dtype of q
/// @throws Error(Internal) for shapes that do not fit
at::Tensor attention(const at::Tensor& q_BTHK, const at::Tensor& k_BSGK, const at::Tensor& v_BSGK,
                     const AttentionOptions& options);

/// Returns whether a training pass keeps attention's scores, [B, H, T, S] a layer: where no kernel
/// of a device takes the case, in a program that has kernels for it.
bool attention_keeps_scores(c10::DeviceType device, at::ScalarType dtype, BiasForm form,
                            std::int64_t head_dim);

/// Returns whether attention without kept scores keeps queries, keys, values and outputs of a
/// narrow dtype in float32 for backward, besides the output: on a CPU without products of that
/// dtype.
bool attention_widens(c10::DeviceType device, at::ScalarType dtype, std::int64_t num_queries,
                      std::int64_t head_dim);

/// What the choice of attention's kernel looks at.
struct AttentionCase {
  c10::DeviceType device = c10::kCPU;
  at::ScalarType dtype = at::kFloat;
  BiasForm form = BiasForm::None;
  std::int64_t head_dim = 0, num_queries = 0, num_keys = 0;
};

/// Returns the name of the kernel that attention() takes, for the log: on a CPU with what it
/// multiplies by.
std::string attention_path(const AttentionCase& wanted);

}  // namespace longspan
