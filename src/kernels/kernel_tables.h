#pragma once

#include <array>
#include <span>
#include <string_view>

#include "kernels/dropout_rule.h"
#include "longspan/kernels/activation.h"
#include "longspan/kernels/attention.h"
#include "longspan/kernels/residual_norm.h"
#include "longspan/kernels/rotation.h"

/// Each kernel is a table of ways to compute one thing, tried in order: the first that takes a case
/// computes it. The last is plain, takes every case and is what tests compare the others with.
namespace longspan {

/// What the choice looks at.
struct KernelCase {
  c10::DeviceType device = c10::kCPU;
  at::ScalarType dtype = at::kFloat;
  BiasForm form = BiasForm::None;  ///< of attention's bias
  std::int64_t width = 0;          ///< elements of a row, or of a head of attention
  std::int64_t num_pairs = 0;      ///< of rotations
};

template <class Run>
struct Kernel {
  std::string_view name;
  bool (*takes)(const KernelCase& wanted);
  Run run;
};

inline bool takes_cpu(const KernelCase& wanted) { return wanted.device == c10::kCPU; }
inline bool takes_all(const KernelCase&) { return true; }
/// A CPU that does not stand in for a GPU, which would go a GPU's way.
bool takes_lone_cpu(const KernelCase& wanted);
bool takes_bfloat16_on_cpu(const KernelCase& wanted);
/// Rows of float32 or bfloat16 of such a CPU.
bool takes_cpu_rows(const KernelCase& wanted);

/// Returns the first kernel of a table that takes a case.
template <class Run>
const Kernel<Run>& kernel_for(std::span<const Kernel<Run>> table, const KernelCase& wanted) {
  std::size_t i = 0;
  while (i + 1 < table.size() && !table[i].takes(wanted)) ++i;
  return table[i];
}

using AttentionRun = at::Tensor (*)(const at::Tensor& q_BTHK, const at::Tensor& k_BSGK,
                                    const at::Tensor& v_BSGK, const AttentionOptions& options);
std::span<const Kernel<AttentionRun>> attention_kernels();

using RotationRun = at::Tensor (*)(const at::Tensor& x_BTHK, const RotaryAngles& angles,
                                   RotaryPairing pairing);
std::span<const Kernel<RotationRun>> rotation_kernels();
/// A RotationRun of one launch each way.
at::Tensor gpu_rotation(const at::Tensor& x_BTHK, const RotaryAngles& angles,
                        RotaryPairing pairing);
bool takes_gpu_rotation(const KernelCase& wanted);

/// Multiplies rows by their dropout's multipliers. @param row_ids_N contiguous @return as x_ND
using DropoutRun = at::Tensor (*)(const at::Tensor& x_ND, const at::Tensor& row_ids_N,
                                  const DropoutRule& rule);
std::span<const Kernel<DropoutRun>> dropout_kernels();
/// A DropoutRun that draws the mask as it goes, for rows of widths that are multiples of 8.
at::Tensor gpu_dropout(const at::Tensor& x_ND, const at::Tensor& row_ids_N,
                       const DropoutRule& rule);

using ActivationRun = at::Tensor (*)(Activation activation, const ActivationInput& input,
                                     const std::optional<RowDropout>& dropout);
std::span<const Kernel<ActivationRun>> activation_kernels();
/// activated() in one launch each way, for widths that are multiples of 8.
at::Tensor gpu_activated(Activation activation, const ActivationInput& input,
                         const std::optional<RowDropout>& dropout);

/// activated() in one pass over memory each way.
at::Tensor cpu_activated(Activation activation, const ActivationInput& input,
                         const std::optional<RowDropout>& dropout);

/// Draws multipliers [N, width]. @param row_ids_N contiguous, of the case's device  @param dtype
/// float32 or float64
using MaskRun = at::Tensor (*)(const at::Tensor& row_ids_N, std::int64_t width,
                               const DropoutRule& rule, at::ScalarType dtype);
std::span<const Kernel<MaskRun>> mask_kernels();

/// See residual_norm.h. @param branch undefined: none  @param norm null: none; else the norm's
/// dtype
struct ResidualNormCall {
  at::Tensor x, branch;
  std::optional<RowDropout> dropout;
  const NormWeights* norm;
  at::ScalarType dtype;
};
using ResidualNormRun = SumAndNorm (*)(const ResidualNormCall& call);
std::span<const Kernel<ResidualNormRun>> residual_norm_kernels();
SumAndNorm gpu_residual_norm(const ResidualNormCall& call);
bool takes_gpu_residual_norm(const KernelCase& wanted);
/// residual_norm() in one pass over memory each way.
SumAndNorm cpu_residual_norm(const ResidualNormCall& call);

/// Returns the dtype of logits, losses and sums over factors of a dtype: float64 of float64, else
/// float32.
inline at::ScalarType sums_of(at::ScalarType factors) {
  return factors == at::kDouble ? at::kDouble : at::kFloat;
}

/// The products of cross-entropy; the case's dtype is that of the factors.
struct LogitProducts {
  /// Returns x * weight^T in the dtype of sums, or as the CPU's cross-entropy takes it.
  at::Tensor (*logits)(const at::Tensor& x_ND, const at::Tensor& weight_VD);
  /// Adds d_logits^T * x to d_weight_VD, of the dtype of sums. @param d_logits_NV as x_ND
  void (*add_weight_gradient)(at::Tensor& d_weight_VD, const at::Tensor& d_logits_NV,
                              const at::Tensor& x_ND);
};
std::span<const Kernel<LogitProducts>> logit_product_kernels();

/// See add_rows in weight_gradient.h; ids and rows are contiguous.
using RowSumRun = void (*)(at::Tensor& sum_VD, const at::Tensor& ids_N, const at::Tensor& rows_ND);
std::span<const Kernel<RowSumRun>> row_sum_kernels();

/// See column_sums in weight_gradient.h. @param x_NO the numbers of a row side by side
using ColumnSumRun = at::Tensor (*)(const at::Tensor& x_NO);
std::span<const Kernel<ColumnSumRun>> column_sum_kernels();

/// The gradient of logits that is wanted of a loss.
struct LogitGradient {
  at::ScalarType dtype = at::kFloat;
  double scale = 1.0;  ///< multiplies it before it is rounded to the dtype
};

struct RowLosses {
  at::Tensor loss;         ///< summed, of the logits' dtype or float64
  at::Tensor d_logits_NV;  ///< scale * (softmax - onehot(target)), zero in rows that do not count
};

struct CrossEntropyRun {
  /// Returns the loss of the rows whose target is not below 0, and its gradient; leaves the logits,
  /// float32 or float64, or on a CPU bfloat16, without meaning, and may give their memory to the
  /// gradient.
  RowLosses (*loss)(const at::Tensor& logits_NV, const at::Tensor& targets_N,
                    const LogitGradient& wanted);
  /// Returns log p(target), float32 [N]; leaves the logits without meaning.
  at::Tensor (*log_probabilities)(const at::Tensor& logits_NV, const at::Tensor& targets_N);
};
std::span<const Kernel<CrossEntropyRun>> cross_entropy_kernels();

/// Both by a block a row of a GPU.
RowLosses gpu_loss(const at::Tensor& logits_NV, const at::Tensor& targets_N,
                   const LogitGradient& wanted);
at::Tensor gpu_log_probabilities(const at::Tensor& logits_NV, const at::Tensor& targets_N);
bool takes_gpu_cross_entropy(const KernelCase& wanted);

/// attention() in tiles on the tensor cores of a GPU.
at::Tensor gpu_attention(const at::Tensor& q_BTHK, const at::Tensor& k_BSGK,
                         const at::Tensor& v_BSGK, const AttentionOptions& options);
bool takes_gpu_attention(const KernelCase& wanted);
/// Returns whether it would on a device with kernels.
bool fits_gpu_attention(const KernelCase& wanted);
/// attention() in query blocks on the CPU, for a bias that is none or a function of the distance.
at::Tensor fused_attention(const at::Tensor& q_BTHK, const at::Tensor& k_BSGK,
                           const at::Tensor& v_BSGK, const AttentionOptions& options);
/// attention() from elementary differentiable operations on full score matrices.
at::Tensor composed_attention(const at::Tensor& q_BTHK, const at::Tensor& k_BSGK,
                              const at::Tensor& v_BSGK, const AttentionOptions& options);

}  // namespace longspan
