#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "longspan/kernels/attention.h"
#include "longspan/position/position.h"

namespace longspan {

/// Where attention's bias is formed: in the forward pass of training and scoring, once more in its
/// backward pass, and for a single query, as in decoding.
enum class AttentionPass { Forward, Backward, Decoding };
std::string_view name_of(AttentionPass pass);

/// What is audited.
struct BiasProbe {
  c10::Device device = c10::kCPU;
  at::ScalarType dtype = at::kFloat;  ///< of queries, keys and values
  std::int64_t head_dim = 0;
  AttentionPass pass = AttentionPass::Forward;
  std::function<at::Tensor(const at::Tensor& q_BTHK, const at::Tensor& k_BSGK,
                           const at::Tensor& v_BSGK, const AttentionOptions& options)>
      attend = attention;
};

/// How far the bias that attention adds is from float64's. All biases are taken less their value at
/// distance 0: a constant of a row is nothing to softmax.
struct HeadBiasErrors {
  double absolute = 0.0;          ///< greatest, from the definition evaluated in float64
  double relative = 0.0;          ///< greatest, of biases of at least 1; NaN: there are none
  std::int64_t at_distance = 0;   ///< of the greatest absolute error
  double kernel_absolute = 0.0;   ///< greatest, from what the kernel was given
  double of_bound = 0.0;          ///< greatest ratio of that to what it may be, see audit_bias()
  double probability_change = 0;  ///< half the sum of |p - p'| over the keys, p of the definition's
                                  ///< bias and p' of attention's, without products of q and k
};

/// The errors of distances from `first` to `last`, the greatest of the heads.
struct DistanceBiasErrors {
  std::int64_t first = 0, last = 0;
  double absolute = 0.0, relative = 0.0;
};

/// The audit of one bias for the last of `length` positions.
struct BiasAudit {
  std::int64_t length = 0;
  std::string path;  ///< the kernel that ran, see attention_path()
  std::vector<HeadBiasErrors> heads;
  std::vector<DistanceBiasErrors> distances;  ///< 0, 1, 2 to 3, 4 to 7, ...

  /// Returns the head whose error is the greatest part of its bound.
  std::size_t worst_head() const;
  /// Returns that part: at most 1 where every error is within its bound.
  double of_bound() const { return heads[worst_head()].of_bound; }
};

/// Recovers the bias from what attention returns, for the last of `length` queries: keys that hold
/// the bias with the opposite sign leave probabilities near one another. The forward pass returns
/// them by values that single out one key each, the backward pass as the values' gradient. The
/// logarithm of their ratio is the error.
///
/// A kernel's error may be as large as its roundings allow, see src/evaluate/README.md. How a
/// method makes what it gives in float32 is in the absolute and relative errors, not in the bound.
/// @param bias as the model gives it to attention for `length` keys
/// @param definition_HN float64 [H, length], by distance, of the method in float64
BiasAudit audit_bias(const ScoreBias& bias, const at::Tensor& definition_HN,
                     const BiasProbe& probe);

/// Returns a bias for the last of num_keys queries by distance, float64 [H, num_keys] on the CPU,
/// formed in float64; zeros for none.
at::Tensor bias_in_float64(const ScoreBias& bias, std::int64_t num_heads, std::int64_t num_keys);

/// Gives a method's parameters the values of another's of the same kind, in float64 on the CPU, so
/// that its hooks evaluate the definition in float64.
void take_in_float64(PositionMethod& method, const PositionMethod& values);

}  // namespace longspan
