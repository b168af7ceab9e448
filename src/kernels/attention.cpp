// Chooses the path of attention by device and form of bias; the choice never looks at which method
// made the bias.

#include "longspan/kernels/attention.h"

#include "kernels/fused_attention.h"
#include "longspan/core/error.h"

namespace longspan {
namespace {

bool takes_fused_path(c10::DeviceType device, const ScoreBias& bias) {
  return device == c10::kCPU && !std::holds_alternative<DenseBias>(bias);
}

void check_shapes(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
  const bool fits = q.dim() == 4 && k.dim() == 4 && k.sizes() == v.sizes() &&
                    q.size(0) == k.size(0) && q.size(3) == k.size(3) && q.size(1) <= k.size(1) &&
                    k.size(2) > 0 && q.size(2) % k.size(2) == 0;
  check(fits, ErrorKind::Internal,
        "attention takes q [B, T, H, K] and k, v [B, S, G, K] with T <= S, H a multiple of G; got ",
        q.sizes(), ", ", k.sizes(), ", ", v.sizes());
}

}  // namespace

at::Tensor attention(const at::Tensor& q_BTHK, const at::Tensor& k_BSGK, const at::Tensor& v_BSGK,
                     const AttentionOptions& options) {
  check_shapes(q_BTHK, k_BSGK, v_BSGK);
  if (!takes_fused_path(q_BTHK.device().type(), options.bias))
    return composed_attention(q_BTHK, k_BSGK, v_BSGK, options);
  return fused_attention(q_BTHK, k_BSGK, v_BSGK, options);
}

std::string attention_path(c10::DeviceType device, const ScoreBias& bias) {
  if (takes_fused_path(device, bias)) return "fused query blocks on the CPU";
  if (device == c10::kCPU) return "composed operations: a dense bias has no fused path";
  return "composed operations: no fused path on this device";
}

}  // namespace longspan
