// Rotations by the kernel of this folder: one launch each way. The gradient is the rotation back.

#include <ATen/ops/empty.h>
#include <torch/csrc/autograd/custom_function.h>

#include "kernels/gpu/launches.h"
#include "kernels/gpu/row_tensors.h"
#include "longspan/core/error.h"
#include "longspan/kernels/step_part.h"

namespace longspan {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr int kPairsOfThread = 4;

at::Tensor turned(const at::Tensor& given_BTHK, const RotaryAngles& angles, bool are_neighbours,
                  float direction) {
  const at::Tensor x = gpu::with_aligned_heads(given_BTHK);
  const at::Tensor out_BTHK = at::empty(x.sizes(), x.options());
  if (x.numel() == 0) return out_BTHK;
  const auto side = [&](int i) { return static_cast<int>(x.size(i)); };
  const gpu::RotationProblem problem{x.scalar_type() == at::kBFloat16,
                                     are_neighbours,
                                     side(0),
                                     side(1),
                                     side(2),
                                     side(3),
                                     static_cast<int>(angles.cos_TF.size(1)),
                                     direction,
                                     {gpu::elements(x), x.stride(0), x.stride(1)},
                                     angles.cos_TF.const_data_ptr<float>(),
                                     angles.sin_TF.const_data_ptr<float>(),
                                     gpu::elements(out_BTHK)};
  check(problem.num_threads() < gpu::kMostThreads, ErrorKind::Internal,
        "the GPU's kernel of rotations takes too few elements for ", x.sizes());
  gpu::launches_for(x)->rotation(problem);
  return out_BTHK;
}

struct RotateOnGpu : torch::autograd::Function<RotateOnGpu> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x_BTHK,
                            const at::Tensor& cos_TF, const at::Tensor& sin_TF,
                            bool are_neighbours) {
    context->save_for_backward({cos_TF, sin_TF});
    context->saved_data["are_neighbours"] = are_neighbours;
    return turned(x_BTHK, {cos_TF, sin_TF}, are_neighbours, 1.0f);
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const StepPart part("longspan::rotation");
    const auto saved = context->get_saved_variables();
    const bool are_neighbours = context->saved_data["are_neighbours"].toBool();
    return {turned(gradients[0], {saved[0], saved[1]}, are_neighbours, -1.0f), {}, {}, {}};
  }
};

}  // namespace

bool takes_gpu_rotation(const KernelCase& wanted) {
  return gpu::takes_rows(wanted) && wanted.num_pairs > 0 && wanted.num_pairs % kPairsOfThread == 0;
}

at::Tensor gpu_rotation(const at::Tensor& x_BTHK, const RotaryAngles& angles,
                        RotaryPairing pairing) {
  const auto ready = [](const at::Tensor& angle_TF) {
    return gpu::with_aligned_elements(angle_TF.to(at::kFloat));
  };
  return RotateOnGpu::apply(x_BTHK, ready(angles.cos_TF), ready(angles.sin_TF),
                            pairing == RotaryPairing::Interleaved);
}

}  // namespace longspan
