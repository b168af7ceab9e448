// The table of attention. The choice sees the form of the bias, never which method made it.

#include "longspan/kernels/attention.h"

#include "kernels/kernel_tables.h"
#include "kernels/panel_products.h"
#include "kernels/row_products.h"
#include "longspan/core/error.h"
#include "longspan/kernels/step_part.h"

namespace longspan {
namespace {

bool takes_fused(const KernelCase& wanted) {
  return takes_cpu(wanted) && wanted.form != BiasForm::Dense;
}

constexpr std::array kAttentionKernels{
    Kernel<AttentionRun>{"tiles on tensor cores", takes_gpu_attention, gpu_attention},
    Kernel<AttentionRun>{"fused query blocks on the CPU", takes_fused, fused_attention},
    Kernel<AttentionRun>{"composed operations", takes_all, composed_attention},
};

void check_shapes(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
  const bool fits = q.dim() == 4 && k.dim() == 4 && k.sizes() == v.sizes() &&
                    q.size(0) == k.size(0) && q.size(3) == k.size(3) && q.size(1) <= k.size(1) &&
                    k.size(2) > 0 && q.size(2) % k.size(2) == 0;
  check(fits, ErrorKind::Internal,
        "attention takes q [B, T, H, K] and k, v [B, S, G, K] with T <= S, H a multiple of G; got ",
        q.sizes(), ", ", k.sizes(), ", ", v.sizes());
}

}  // namespace

std::span<const Kernel<AttentionRun>> attention_kernels() { return kAttentionKernels; }

at::Tensor attention(const at::Tensor& q_BTHK, const at::Tensor& k_BSGK, const at::Tensor& v_BSGK,
                     const AttentionOptions& options) {
  check_shapes(q_BTHK, k_BSGK, v_BSGK);
  const StepPart part("longspan::attention");
  const KernelCase wanted{q_BTHK.device().type(), q_BTHK.scalar_type(), form_of(options.bias),
                          q_BTHK.size(3)};
  return kernel_for(attention_kernels(), wanted).run(q_BTHK, k_BSGK, v_BSGK, options);
}

bool attention_keeps_scores(c10::DeviceType device, at::ScalarType dtype, BiasForm form,
                            std::int64_t head_dim) {
  const KernelCase wanted{device, dtype, form, head_dim};
  return device == c10::kCPU ? !takes_fused(wanted) : !fits_gpu_attention(wanted);
}

bool attention_widens(c10::DeviceType device, at::ScalarType dtype, std::int64_t num_queries,
                      std::int64_t head_dim) {
  return device == c10::kCPU && c10::isReducedFloatingType(dtype) &&
         !fused::takes_panels(dtype, num_queries, head_dim);
}

std::string attention_path(const AttentionCase& wanted) {
  const auto& [device, dtype, form, head_dim, num_queries, num_keys] = wanted;
  const Kernel<AttentionRun>& kernel =
      kernel_for(attention_kernels(), {device, dtype, form, head_dim});
  if (kernel.run != fused_attention) return std::string(kernel.name);
  const char* const products = fused::takes_rows(dtype, num_queries, num_keys) ? "row by row"
                               : fused::takes_panels(dtype, num_queries, head_dim)
                                   ? "oneDNN's panels"
                                   : "BLAS";
  return concat(kernel.name, ", ", products);
}

}  // namespace longspan
