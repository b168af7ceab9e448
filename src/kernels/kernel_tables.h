#pragma once

#include <array>
#include <span>
#include <string_view>

#include "kernels/dropout_rule.h"
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
};

template <class Run>
struct Kernel {
  std::string_view name;
  bool (*takes)(const KernelCase& wanted);
  Run run;
};

inline bool takes_cpu(const KernelCase& wanted) { return wanted.device == c10::kCPU; }
inline bool takes_all(const KernelCase&) { return true; }

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

/// Multiplies rows by their dropout's multipliers. @param row_ids_N contiguous @return as x_ND
using DropoutRun = at::Tensor (*)(const at::Tensor& x_ND, const at::Tensor& row_ids_N,
                                  const DropoutRule& rule);
std::span<const Kernel<DropoutRun>> dropout_kernels();

/// Draws multipliers [N, width]. @param row_ids_N contiguous, of the case's device  @param dtype
/// float32 or float64
using MaskRun = at::Tensor (*)(const at::Tensor& row_ids_N, std::int64_t width,
                               const DropoutRule& rule, at::ScalarType dtype);
std::span<const Kernel<MaskRun>> mask_kernels();

/// See residual_norm.h. @param branch undefined: none  @param norm null: none; else the norm's
/// dtype
struct ResidualNormCall {
  at::Tensor x, branch;
  std::optional<BranchDropout> dropout;
  const NormWeights* norm;
  at::ScalarType dtype;
};
using ResidualNormRun = SumAndNorm (*)(const ResidualNormCall& call);
std::span<const Kernel<ResidualNormRun>> residual_norm_kernels();
SumAndNorm gpu_residual_norm(const ResidualNormCall& call);
/// Says whether kernels on a GPU go through rows of a case.
bool takes_gpu_rows(const KernelCase& wanted);

struct CrossEntropyRun {
  /// Turns logits, float32 or float64, into softmax - onehot(target), zero in rows whose target is
  /// below 0; returns the summed loss of the others, of the logits' dtype or float64.
  at::Tensor (*loss)(at::Tensor& logits_NV, const at::Tensor& targets_N);
  /// Returns log p(target), float32 [N]; leaves the logits without meaning.
  at::Tensor (*log_probabilities)(const at::Tensor& logits_NV, const at::Tensor& targets_N);
};
std::span<const Kernel<CrossEntropyRun>> cross_entropy_kernels();

/// attention() in tiles on the tensor cores of a GPU.
at::Tensor gpu_attention(const at::Tensor& q_BTHK, const at::Tensor& k_BSGK,
                         const at::Tensor& v_BSGK, const AttentionOptions& options);
bool takes_gpu_attention(const KernelCase& wanted);
/// attention() in query blocks on the CPU, for a bias that is none or a function of the distance.
at::Tensor fused_attention(const at::Tensor& q_BTHK, const at::Tensor& k_BSGK,
                           const at::Tensor& v_BSGK, const AttentionOptions& options);
/// attention() from elementary differentiable operations on full score matrices.
at::Tensor composed_attention(const at::Tensor& q_BTHK, const at::Tensor& k_BSGK,
                              const at::Tensor& v_BSGK, const AttentionOptions& options);

}  // namespace longspan
