#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/DeviceType.h>
#include <c10/core/ScalarType.h>

#include <cstdint>

namespace longspan {

/// Returns the summed cross-entropy, in nats, of the logits features * weight^T, without ever
/// holding all logits: rows are taken in chunks and gradients are formed at once in the forward
/// pass. A target below 0 is not counted.
/// @param features_ND float  @param weight_VD as features  @param targets_N int64, < V
/// @param loss_scale what backward will be called with: the gradient of the logits is multiplied by
/// it before it is rounded to the features' dtype, which float16 needs
/// @return float32 (float64 for float64 input) scalar, differentiable in features and weight
at::Tensor linear_cross_entropy(const at::Tensor& features_ND, const at::Tensor& weight_VD,
                                const at::Tensor& targets_N, double loss_scale = 1.0);

/// The loss of one pass of a step whose passes share a weight.
struct SharedLoss {
  at::Tensor features_ND;   ///< bfloat16 or float16, contiguous
  at::Tensor weight_CD;     ///< as features, C = columns_of_logits(); zeros from row vocab_size on
  std::int64_t vocab_size;  ///< V <= C
  at::Tensor targets_N;     ///< int64, < V; below 0: not counted
  double loss_scale = 1.0;  ///< of both gradients
};

struct LossAndGradient {
  at::Tensor loss;           ///< float32 scalar
  at::Tensor d_features_ND;  ///< as features; undefined when no gradient is wanted
};

/// Computes what linear_cross_entropy does, outside of autograd.
/// @param d_weight_CD null: no gradient is wanted; else float32, what the weight's is added to, and
/// made when it is undefined and there are rows
LossAndGradient linear_cross_entropy(const SharedLoss& pass, at::Tensor* d_weight_CD);

/// Returns how many columns logits of V ids have: for the narrow products of a GPU, which are slow
/// where a row does not begin at a multiple of 16 bytes, the next multiple of 8.
std::int64_t columns_of_logits(std::int64_t V, at::ScalarType dtype, c10::DeviceType device);

/// Returns log p(target) in nats of each row, float32 [N], without a gradient and without holding
/// all logits.
/// @param targets_N int64, each in [0, V)
at::Tensor linear_log_probabilities(const at::Tensor& features_ND, const at::Tensor& weight_VD,
                                    const at::Tensor& targets_N);

/// Returns how many rows of logits both hold at a time, at most, with V ids and features of a
/// dtype: 64 to 4,096, of up to 32 MiB on a CPU where those are float32 or bfloat16, of up to 1 GiB
/// of float32 on a GPU.
std::int64_t rows_of_logits_at_once(std::int64_t V, at::ScalarType dtype, c10::DeviceType device);

}  // namespace longspan
