// Products of a few rows with a weight, at the speed at which the weight is read.

#include "kernels/few_rows.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include <algorithm>

#include "kernels/row_math.h"
#include "longspan/core/ceil_divide.h"

namespace longspan {
namespace {

constexpr std::int64_t kMostFewRows = 4;
constexpr std::int64_t kPiece = 32;  // rows of a weight that all rows are multiplied with at once
constexpr std::int64_t kMostSums = 512;                          // of one row at once
constexpr std::int64_t kFewestElements = std::int64_t{1} << 16;  // that are worth a second thread

bool is_row_major(const at::Tensor& x) { return x.stride(1) == 1 && x.stride(0) >= x.size(1); }

template <class Element>
const Element* data_of(const at::Tensor& x) {
  return x.defined() ? x.const_data_ptr<Element>() : nullptr;
}

// One layer's part of the work: pieces first_piece .. end_piece-1 of all.
template <class Element>
struct Share {
  const Element* weight;
  const Element* bias;
  Element* y;
  std::int64_t O, stride, first_piece, end_piece;

  // Multiplies the rows of x with rows begin .. end-1 of the weight.
  void multiply(const float* x, std::int64_t N, std::int64_t I, std::int64_t begin,
                std::int64_t end) const {
    for (std::int64_t n = 0; n < N; ++n) {
      float sums[kMostSums];
      row_math::multiply_rows(sums, x + n * I, {weight + begin * stride, end - begin, I, stride});
      for (std::int64_t o = begin; o < end; ++o)
        y[n * O + o] = static_cast<Element>(sums[o - begin] +
                                            (bias == nullptr ? 0.0F : static_cast<float>(bias[o])));
    }
  }
};

// All layers are one loop, since threads that come together cost as much as a small product.
template <class Element>
std::vector<at::Tensor> multiply(const at::Tensor& x_NI, std::span<const WeightAndBias> layers) {
  const std::int64_t N = x_NI.size(0), I = x_NI.size(1);
  const at::Tensor wide_NI = x_NI.to(at::kFloat).contiguous();
  const auto* const x = wide_NI.const_data_ptr<float>();
  std::vector<at::Tensor> results, biases;
  std::vector<Share<Element>> shares;
  std::int64_t pieces = 0;
  for (const auto& [weight_OI, bias_O] : layers) {
    const std::int64_t O = weight_OI.size(0), first = pieces;
    pieces += ceil_divide(O, kPiece);
    biases.push_back(bias_O.defined() ? bias_O.contiguous() : bias_O);
    at::Tensor y_NO = at::empty({N, O}, x_NI.options());
    shares.push_back({data_of<Element>(weight_OI), data_of<Element>(biases.back()),
                      y_NO.template mutable_data_ptr<Element>(), O, weight_OI.stride(0), first,
                      pieces});
    results.push_back(std::move(y_NO));
  }
  const std::int64_t grain = std::max<std::int64_t>(1, kFewestElements / (kPiece * I));
  const std::int64_t together = N == 1 ? kMostSums : kPiece;
  at::parallel_for(0, pieces, grain, [&](std::int64_t first, std::int64_t last) {
    for (const auto& share : shares) {
      const std::int64_t begin = std::max(first, share.first_piece) - share.first_piece;
      const std::int64_t end =
          std::min((std::min(last, share.end_piece) - share.first_piece) * kPiece, share.O);
      for (std::int64_t o = begin * kPiece; o < end; o += together)
        share.multiply(x, N, I, o, std::min(o + together, end));
    }
  });
  return results;
}

}  // namespace

bool takes_few_rows(const at::Tensor& x_NI, const at::Tensor& weight_OI) {
  const auto dtype = x_NI.scalar_type();
  return x_NI.is_cpu() && (dtype == at::kFloat || dtype == at::kBFloat16) &&
         weight_OI.scalar_type() == dtype && x_NI.size(0) > 0 && x_NI.size(0) <= kMostFewRows &&
         x_NI.size(1) > 0 && is_row_major(weight_OI);
}

std::vector<at::Tensor> few_rows_products(const at::Tensor& x_NI,
                                          std::span<const WeightAndBias> layers) {
  return x_NI.scalar_type() == at::kFloat ? multiply<float>(x_NI, layers)
                                          : multiply<c10::BFloat16>(x_NI, layers);
}

}  // namespace longspan
