// Products of a few rows with a weight, at the speed at which the weight is read.

#include "kernels/few_rows.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include <algorithm>

#include "kernels/row_math.h"
#include "longspan/core/ceil_divide.h"

namespace longspan {
namespace {

constexpr std::int64_t kMostRows = 4;
constexpr std::int64_t kPiece = 32;  // rows of the weight that all rows are multiplied with at once
constexpr std::int64_t kFewestElements = std::int64_t{1} << 16;  // that are worth a second thread

bool is_row_major(const at::Tensor& x) { return x.stride(1) == 1 && x.stride(0) >= x.size(1); }

template <class Element>
const Element* data_of(const at::Tensor& x) {
  return x.defined() ? x.const_data_ptr<Element>() : nullptr;
}

template <class Element>
void multiply(const at::Tensor& x_NI, const at::Tensor& weight_OI, const at::Tensor& bias_O,
              at::Tensor& y_NO) {
  const std::int64_t N = y_NO.size(0), O = y_NO.size(1), I = x_NI.size(1);
  const at::Tensor wide_NI = x_NI.to(at::kFloat).contiguous();
  const auto* const x = wide_NI.const_data_ptr<float>();
  const auto* const weight = weight_OI.const_data_ptr<Element>();
  const auto* const bias = data_of<Element>(bias_O);
  auto* const y = y_NO.mutable_data_ptr<Element>();
  const std::int64_t grain = std::max<std::int64_t>(1, kFewestElements / (kPiece * I));
  at::parallel_for(0, ceil_divide(O, kPiece), grain, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t begin = first * kPiece; begin < std::min(last * kPiece, O); begin += kPiece) {
      const std::int64_t end = std::min(begin + kPiece, O), stride = weight_OI.stride(0);
      for (std::int64_t n = 0; n < N; ++n) {
        float sums[kPiece];
        row_math::multiply_rows(sums, x + n * I, {weight + begin * stride, end - begin, I, stride});
        for (std::int64_t o = begin; o < end; ++o)
          y[n * O + o] = static_cast<Element>(
              sums[o - begin] + (bias == nullptr ? 0.0F : static_cast<float>(bias[o])));
      }
    }
  });
}

}  // namespace

bool takes_few_rows(const at::Tensor& x_NI, const at::Tensor& weight_OI) {
  const auto dtype = x_NI.scalar_type();
  return x_NI.is_cpu() && (dtype == at::kFloat || dtype == at::kBFloat16) &&
         weight_OI.scalar_type() == dtype && x_NI.size(0) > 0 && x_NI.size(0) <= kMostRows &&
         x_NI.size(1) > 0 && is_row_major(weight_OI);
}

at::Tensor few_rows_product(const at::Tensor& x_NI, const at::Tensor& weight_OI,
                            const at::Tensor& bias_O) {
  at::Tensor y_NO = at::empty({x_NI.size(0), weight_OI.size(0)}, x_NI.options());
  const at::Tensor bias = bias_O.defined() ? bias_O.contiguous() : bias_O;
  if (x_NI.scalar_type() == at::kFloat)
    multiply<float>(x_NI, weight_OI, bias, y_NO);
  else
    multiply<c10::BFloat16>(x_NI, weight_OI, bias, y_NO);
  return y_NO;
}

}  // namespace longspan
