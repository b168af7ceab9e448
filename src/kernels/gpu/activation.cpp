// Activation and dropout by the kernels of this folder.

#include "kernels/activation_node.h"
#include "kernels/gpu/launches.h"
#include "kernels/gpu/row_tensors.h"

namespace longspan {
namespace {

struct GpuActivationRows {
  static at::Tensor as_rows(const at::Tensor& x) { return gpu::with_aligned_rows(x); }
  static at::Tensor ready(const at::Tensor& x) { return gpu::with_aligned_elements(x); }

  static gpu::ActivationProblem problem_of(const ActivationCall& call) {
    gpu::ActivationProblem p{};
    p.is_bfloat16 = call.x.scalar_type() == at::kBFloat16;
    p.drops = call.row_ids.defined();
    p.activation = call.activation;
    p.shape = gpu::shape_of_rows(call.x);
    p.x_NF = gpu::elements(call.x);
    p.x_stride = static_cast<int>(call.x.stride(0));
    if (call.gate.defined()) {
      p.gate_NF = gpu::elements(call.gate);
      p.gate_stride = static_cast<int>(call.gate.stride(0));
    }
    if (p.drops) p.masks = gpu::row_masks(call.row_ids, call.rule);
    return p;
  }

  static void forward(const ActivationCall& call, const at::Tensor& out) {
    gpu::launches_for(call.x)->activation_forward(problem_of(call), gpu::elements(out));
  }

  static void backward(const ActivationCall& call, const at::Tensor& d_out,
                       const ActivationGradients& d) {
    gpu::launches_for(call.x)->activation_backward(
        problem_of(call),
        {gpu::elements(d_out), gpu::elements(d.x),
         d.gate.defined() ? gpu::elements(d.gate) : nullptr, static_cast<int>(d.x.stride(0))});
  }
};

}  // namespace

at::Tensor gpu_activated(Activation activation, const ActivationInput& input,
                         const std::optional<RowDropout>& dropout) {
  return activated_by<GpuActivationRows>(activation, input, dropout);
}

}  // namespace longspan
