// The residual stream row by row on the CPU, dropout and norm in one pass over memory.

#include <ATen/Parallel.h>

#include <algorithm>
#include <vector>

#include "kernels/element_pointer.h"
#include "kernels/norm_rows.h"
#include "kernels/residual_norm_node.h"
#include "longspan/core/ceil_divide.h"

namespace longspan {
namespace {

using norm_rows::Moments;

constexpr std::int64_t kElementsOfAThread = 1 << 13;  // at least
// Rows whose gradients of the weights are added up by themselves. It does not depend on the number
// of threads, and so do the sums.
constexpr std::int64_t kMostParts = 64, kFewestRowsOfAPart = 16;

RowMasks<float> masks_of(const ResidualNormInputs& in) {
  return {{in.numbers.p, in.numbers.key},
          elements_or_null<const std::int64_t>(in.row_ids_N),
          in.width()};
}

template <class Element>
void forward_rows(const ResidualNormInputs& in, const ResidualNormOutputs& out) {
  const std::int64_t D = in.width();
  const auto *const x = elements_or_null<const Element>(in.x), *const branch =
                                                                   elements_or_null<const Element>(
                                                                       in.branch);
  auto *const sum = elements_or_null<Element>(out.sum), *const normed =
                                                            elements_or_null<Element>(out.normed);
  auto *const mean = elements_or_null<float>(out.mean_N), *const inverse = elements_or_null<float>(
                                                              out.inverse_N);
  const std::vector<float> zeros(static_cast<std::size_t>(in.bias_D.defined() ? 0 : D), 0.0F);
  const auto* const weight = elements_or_null<const float>(in.weight_D);
  const auto* const bias =
      in.bias_D.defined() ? elements_or_null<const float>(in.bias_D) : zeros.data();
  const norm_rows::NormKind kind{in.numbers.centred, static_cast<float>(in.numbers.eps)};
  at::parallel_for(0, in.num_rows(), ceil_divide(kElementsOfAThread, D),
                   [&](std::int64_t first, std::int64_t last) {
                     RowMasks<float> masks = masks_of(in);
                     std::vector<float> wide(static_cast<std::size_t>(D));
                     for (std::int64_t row = first; row < last; ++row) {
                       const std::int64_t at = row * D;
                       if (branch == nullptr)
                         row_math::widen(wide.data(), x + at, D);
                       else
                         norm_rows::add(sum + at, wide.data(),
                                        norm_rows::Sum<Element>{x + at, branch + at, masks.of(row)},
                                        D);
                       if (normed == nullptr) continue;
                       const Moments moments = norm_rows::moments(wide.data(), D, kind);
                       norm_rows::normalize(normed + at, wide.data(), {weight, bias, moments}, D);
                       mean[row] = moments.mean;
                       inverse[row] = moments.inverse;
                     }
                   });
}

template <class Element>
void backward_rows(const ResidualNormInputs& in, const ResidualNormGradients& d,
                   std::int64_t num_parts) {
  const std::int64_t N = in.num_rows(), D = in.width(), rows_of_a_part = ceil_divide(N, num_parts);
  const auto *const x = elements_or_null<const Element>(d.sum),
                    *const d_sum = elements_or_null<const Element>(d.d_sum),
                    *const d_normed = elements_or_null<const Element>(d.d_normed);
  auto *const d_x = elements_or_null<Element>(d.d_x), *const d_branch =
                                                          elements_or_null<Element>(d.d_branch);
  const auto *const mean = elements_or_null<const float>(d.mean_N),
                    *const inverse = elements_or_null<const float>(d.inverse_N),
                    *const weight = elements_or_null<const float>(in.weight_D);
  auto* const d_weights = elements_or_null<float>(d.d_weights_P2D);
  at::parallel_for(0, num_parts, 1, [&](std::int64_t first, std::int64_t last) {
    RowMasks<float> masks = masks_of(in);
    std::vector<float> wide(static_cast<std::size_t>(D)), scratch(wide.size());
    for (std::int64_t part = first; part < last; ++part) {
      float* const d_weight = d_weights == nullptr ? nullptr : d_weights + 2 * part * D;
      if (d_weight != nullptr) std::fill_n(d_weight, 2 * D, 0.0F);
      const std::int64_t end = std::min(N, (part + 1) * rows_of_a_part);
      for (std::int64_t row = part * rows_of_a_part; row < end; ++row) {
        const std::int64_t at = row * D;
        if (d_normed == nullptr)
          std::ranges::fill(wide, 0.0F);
        else
          norm_rows::backward({wide.data(), d_weight, d_weight + D},
                              norm_rows::Given<Element>{x + at, d_normed + at, scratch.data()},
                              {weight, nullptr, Moments{mean[row], inverse[row]}},
                              in.numbers.centred, D);
        norm_rows::add_gradient(d_x + at, wide.data(), d_sum == nullptr ? nullptr : d_sum + at, D);
        if (d_branch == nullptr) continue;
        row_math::multiply(wide.data(), masks.of(row), D);
        row_math::scale_to(d_branch + at, wide.data(), D, 1.0F);
      }
    }
  });
}

struct CpuResidualRows {
  static at::Tensor ready(const at::Tensor& x) { return x.contiguous(); }

  static std::int64_t num_parts(std::int64_t num_rows) {
    return std::clamp<std::int64_t>(num_rows / kFewestRowsOfAPart, 1, kMostParts);
  }

  static void forward(const ResidualNormInputs& in, const ResidualNormOutputs& out) {
    if (in.x.scalar_type() == at::kBFloat16)
      forward_rows<c10::BFloat16>(in, out);
    else
      forward_rows<float>(in, out);
  }

  static void backward(const ResidualNormInputs& in, const ResidualNormGradients& d) {
    const std::int64_t parts = num_parts(in.num_rows());
    if (in.x.scalar_type() == at::kBFloat16)
      backward_rows<c10::BFloat16>(in, d, parts);
    else
      backward_rows<float>(in, d, parts);
  }
};

}  // namespace

SumAndNorm cpu_residual_norm(const ResidualNormCall& call) {
  return residual_norm_by<CpuResidualRows>(call);
}

}  // namespace longspan
