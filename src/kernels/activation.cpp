// The activation of the feed-forward layer and the dropout behind it.

#include "longspan/kernels/activation.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/silu.h>

#include "kernels/gpu/row_tensors.h"
#include "kernels/kernel_tables.h"
#include "longspan/core/error.h"
#include "longspan/kernels/step_part.h"

namespace longspan {
namespace {

at::Tensor composed(Activation activation, const ActivationInput& input) {
  switch (activation) {
    case Activation::Relu:
      return at::relu(input.x);
    case Activation::Gelu:
      return at::gelu(input.x);
    case Activation::GeluTanh:
      return at::gelu(input.x, "tanh");
    case Activation::Swiglu:
      return at::silu(input.gate) * input.x;
  }
  unreachable();
}

at::Tensor composed_and_dropped(Activation activation, const ActivationInput& input,
                                const std::optional<RowDropout>& dropout) {
  const at::Tensor out = composed(activation, input);
  return dropout ? counted_dropout(out, dropout->row_ids, dropout->p, dropout->key) : out;
}

constexpr std::array kActivationKernels{
    Kernel<ActivationRun>{"one pass on the GPU", gpu::takes_rows, gpu_activated},
    Kernel<ActivationRun>{"one pass on the CPU", takes_cpu_rows, cpu_activated},
    Kernel<ActivationRun>{"composed operations", takes_all, composed_and_dropped},
};

}  // namespace

std::span<const Kernel<ActivationRun>> activation_kernels() { return kActivationKernels; }

at::Tensor activated(Activation activation, const ActivationInput& input,
                     const std::optional<RowDropout>& dropout) {
  const bool gated = activation == Activation::Swiglu;
  check(gated == input.gate.defined() && (!gated || input.gate.sizes() == input.x.sizes()),
        ErrorKind::Internal, "swiglu alone takes a gate, of x's shape ", input.x.sizes());
  const StepPart part("longspan::activation");
  const KernelCase wanted{
      .device = input.x.device().type(), .dtype = input.x.scalar_type(), .width = input.x.size(-1)};
  return kernel_for(activation_kernels(), wanted).run(activation, input, dropout);
}

}  // namespace longspan
