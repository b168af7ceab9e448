// Rotary embeddings in one pass over queries or keys. The gradient of a rotation is the rotation
// back.

#include "longspan/kernels/rotation.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/stack.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <type_traits>
#include <vector>

#include "kernels/kernel_tables.h"
#include "kernels/row_math.h"
#include "kernels/sum_of.h"
#include "longspan/core/error.h"
#include "longspan/kernels/step_part.h"

namespace longspan {
namespace {

template <class Scalar>
using RowRotation = void (*)(Scalar* out, const Scalar* x, row_math::PairAngles<Scalar> angles);

// Turns the heads of one position, which lie side by side, in the type of sums.
template <class Element>
class PositionRotation {
 public:
  using Scalar = SumOf<Element>;

  PositionRotation(RotaryPairing pairing, std::int64_t H, std::int64_t K) : H_(H), K_(K) {
    if (pairing == RotaryPairing::Interleaved) rotate_ = row_math::rotate_neighbours;
    if (is_copy()) {
      wide_.resize(static_cast<std::size_t>(H * K));
      turned_.resize(wide_.size());
    }
  }

  void run(Element* out, const Element* x, row_math::PairAngles<Scalar> angles) {
    if constexpr (is_copy()) {
      row_math::widen(wide_.data(), x, H_ * K_);
      rotate(turned_.data(), wide_.data(), angles);
      row_math::scale_to(out, turned_.data(), H_ * K_, Scalar(1));
    } else {
      rotate(out, x, angles);
    }
  }

 private:
  static constexpr bool is_copy() { return !std::is_same_v<Element, Scalar>; }

  void rotate(Scalar* out, const Scalar* x, row_math::PairAngles<Scalar> angles) {
    const std::int64_t turning = 2 * angles.num_pairs;
    for (std::int64_t at = 0; at < H_ * K_; at += K_) {
      rotate_(out + at, x + at, angles);
      std::copy(x + at + turning, x + at + K_, out + at + turning);
    }
  }

  std::int64_t H_, K_;
  RowRotation<Scalar> rotate_ = row_math::rotate_halves;
  std::vector<Scalar> wide_, turned_;
};

template <class Element>
at::Tensor rotate_all(const at::Tensor& x_BTHK, const RotaryAngles& angles, RotaryPairing pairing) {
  using Scalar = SumOf<Element>;
  const auto& [cos_TF, sin_TF] = angles;
  const std::int64_t B = x_BTHK.size(0), T = x_BTHK.size(1), H = x_BTHK.size(2), K = x_BTHK.size(3),
                     F = cos_TF.size(1);
  const at::Tensor out_BTHK = at::empty({B, T, H, K}, x_BTHK.options());
  // As parts of one product queries and keys lie in its rows.
  const bool is_whole = x_BTHK.stride(3) == 1 && x_BTHK.stride(2) == K;
  const at::Tensor from_BTHK = is_whole ? x_BTHK : x_BTHK.contiguous();
  const std::int64_t batch_stride = from_BTHK.stride(0), row_stride = from_BTHK.stride(1);
  const auto* x = from_BTHK.const_data_ptr<Element>();
  const auto *cosines = cos_TF.const_data_ptr<Scalar>(), *sines = sin_TF.const_data_ptr<Scalar>();
  auto* out = out_BTHK.mutable_data_ptr<Element>();
  const std::int64_t grain = std::max<std::int64_t>(1, 8192 / (H * K));
  at::parallel_for(0, B * T, grain, [&](std::int64_t begin, std::int64_t end) {
    PositionRotation<Element> rotation(pairing, H, K);
    for (std::int64_t row = begin; row < end; ++row) {
      const std::int64_t t = row % T;
      rotation.run(out + row * H * K, x + row / T * batch_stride + t * row_stride,
                   {cosines + t * F, sines + t * F, F});
    }
  });
  return out_BTHK;
}

at::Tensor rotated(const at::Tensor& x_BTHK, const RotaryAngles& angles, RotaryPairing pairing) {
  switch (x_BTHK.scalar_type()) {
    case at::kDouble:
      return rotate_all<double>(x_BTHK, angles, pairing);
    case at::kBFloat16:
      return rotate_all<c10::BFloat16>(x_BTHK, angles, pairing);
    default:
      return rotate_all<float>(x_BTHK, angles, pairing);
  }
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
    return {rotated(gradients[0], {saved[0], saved[1].neg()}, pairing_of(neighbours)), {}, {}, {}};
  }

  static RotaryPairing pairing_of(bool neighbours) {
    return neighbours ? RotaryPairing::Interleaved : RotaryPairing::HalfSplit;
  }
};

at::Tensor rotate_on_cpu(const at::Tensor& x_BTHK, const RotaryAngles& angles,
                         RotaryPairing pairing) {
  const at::ScalarType dtype = x_BTHK.scalar_type(), sums = sums_of(dtype);
  return RotatePairs::apply(
             x_BTHK.to(dtype == at::kBFloat16 ? dtype : sums), angles.cos_TF.to(sums).contiguous(),
             angles.sin_TF.to(sums).contiguous(), pairing == RotaryPairing::Interleaved)
      .to(dtype);
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
