// Rotary embeddings in one pass over queries or keys. The gradient of a rotation is the rotation
// back.

#include "longspan/kernels/rotation.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/stack.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>

#include "kernels/kernel_tables.h"
#include "kernels/row_math.h"
#include "longspan/core/error.h"
#include "longspan/kernels/step_part.h"

namespace longspan {
namespace {

template <class Scalar>
using RowRotation = void (*)(Scalar* out, const Scalar* x, row_math::PairAngles<Scalar> angles);

template <class Scalar>
at::Tensor rotate_all(const at::Tensor& x_BTHK, const RotaryAngles& angles, RotaryPairing pairing) {
  const auto& [cos_TF, sin_TF] = angles;
  const at::Tensor out_BTHK = at::empty_like(x_BTHK);
  const std::int64_t T = x_BTHK.size(1), H = x_BTHK.size(2), K = x_BTHK.size(3), F = cos_TF.size(1);
  const auto* x = x_BTHK.const_data_ptr<Scalar>();
  const auto *cosines = cos_TF.const_data_ptr<Scalar>(), *sines = sin_TF.const_data_ptr<Scalar>();
  auto* out = out_BTHK.mutable_data_ptr<Scalar>();
  RowRotation<Scalar> rotate = row_math::rotate_halves;
  if (pairing == RotaryPairing::Interleaved) rotate = row_math::rotate_neighbours;
  const std::int64_t grain = std::max<std::int64_t>(1, 8192 / (H * K));
  at::parallel_for(0, x_BTHK.size(0) * T, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row)
      for (std::int64_t h = 0; h < H; ++h) {
        const std::int64_t at = (row * H + h) * K, angle = row % T * F;
        rotate(out + at, x + at, {cosines + angle, sines + angle, F});
        std::copy(x + at + 2 * F, x + at + K, out + at + 2 * F);
      }
  });
  return out_BTHK;
}

at::Tensor rotated(const at::Tensor& x_BTHK, const RotaryAngles& angles, RotaryPairing pairing) {
  return x_BTHK.scalar_type() == at::kDouble ? rotate_all<double>(x_BTHK, angles, pairing)
                                             : rotate_all<float>(x_BTHK, angles, pairing);
}

struct RotatePairs : torch::autograd::Function<RotatePairs> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x_BTHK,
                            const at::Tensor& cos_TF, const at::Tensor& sin_TF, bool neighbours) {
    context->save_for_backward({cos_TF, sin_TF});
    context->saved_data["neighbours"] = neighbours;
    return rotated(x_BTHK, {cos_TF, sin_TF}, pairing_of(neighbours));
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    const StepPart part("longspan::rotation");
    const auto saved = context->get_saved_variables();
    const bool neighbours = context->saved_data["neighbours"].toBool();
    return {rotated(gradients[0].contiguous(), {saved[0], saved[1].neg()}, pairing_of(neighbours)),
            {},
            {},
            {}};
  }

  static RotaryPairing pairing_of(bool neighbours) {
    return neighbours ? RotaryPairing::Interleaved : RotaryPairing::HalfSplit;
  }
};

at::Tensor rotate_on_cpu(const at::Tensor& x_BTHK, const RotaryAngles& angles,
                         RotaryPairing pairing) {
  const auto wide = x_BTHK.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  return RotatePairs::apply(x_BTHK.to(wide).contiguous(), angles.cos_TF.to(wide).contiguous(),
                            angles.sin_TF.to(wide).contiguous(),
                            pairing == RotaryPairing::Interleaved)
      .to(x_BTHK.scalar_type());
}

at::Tensor rotate_composed(const at::Tensor& x_BTHK, const RotaryAngles& angles,
                           RotaryPairing pairing) {
  const std::int64_t F = angles.cos_TF.size(1), K = x_BTHK.size(3);
  const bool neighbours = pairing == RotaryPairing::Interleaved;
  const auto turning = x_BTHK.narrow(-1, 0, 2 * F);
  const auto pairs =
      neighbours ? turning.unflatten(-1, {F, 2}) : turning.unflatten(-1, {2, F}).transpose(-1, -2);
  const auto a = pairs.select(-1, 0), b = pairs.select(-1, 1);
  const auto cos_T1F = angles.cos_TF.unsqueeze(1), sin_T1F = angles.sin_TF.unsqueeze(1);
  const auto first = a * cos_T1F - b * sin_T1F, second = b * cos_T1F + a * sin_T1F;
  const auto turned =
      neighbours ? at::stack({first, second}, -1).flatten(-2) : at::cat({first, second}, -1);
  return at::cat({turned.to(x_BTHK.scalar_type()), x_BTHK.narrow(-1, 2 * F, K - 2 * F)}, -1);
}

constexpr std::array kRotationKernels{
    Kernel<RotationRun>{"one pass on the GPU", takes_gpu_rotation, gpu_rotation},
    Kernel<RotationRun>{"one pass on the CPU", takes_cpu, rotate_on_cpu},
    Kernel<RotationRun>{"composed operations", takes_all, rotate_composed},
};

}  // namespace

std::span<const Kernel<RotationRun>> rotation_kernels() { return kRotationKernels; }

at::Tensor rotate_pairs(const at::Tensor& x_BTHK, const RotaryAngles& angles,
                        RotaryPairing pairing) {
  const StepPart part("longspan::rotation");
  check(x_BTHK.dim() == 4 && angles.cos_TF.size(0) == x_BTHK.size(1) &&
            2 * angles.cos_TF.size(1) <= x_BTHK.size(3) &&
            angles.cos_TF.sizes() == angles.sin_TF.sizes(),
        ErrorKind::Internal, "rotations take x [B, T, H, K] and angles [T, F] with 2F <= K; got ",
        x_BTHK.sizes(), ", ", angles.cos_TF.sizes());
  const KernelCase wanted{.device = x_BTHK.device().type(),
                          .dtype = x_BTHK.scalar_type(),
                          .width = x_BTHK.size(3),
                          .num_pairs = angles.cos_TF.size(1)};
  return kernel_for(rotation_kernels(), wanted).run(x_BTHK, angles, pairing);
}

}  // namespace longspan
