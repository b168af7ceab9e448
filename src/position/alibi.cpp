// Attention with linear biases (arXiv:2108.12409, section 3): slope_h * (j - i) is added to the
// scaled scores of every layer. The form `absolute` adds slope_h * j, as the paper's code does: the
// rows of scores differ by a constant that softmax takes out again, but for rounding.

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/tensor.h>

#include <array>
#include <cmath>

#include "longspan/config/choice.h"
#include "longspan/core/last_made.h"
#include "position/alibi_slopes.h"
#include "position/kinds.h"

namespace longspan {
namespace {

// The slopes 2^(-max_bias h / n), h = 1 .. n, of a power of two n.
std::vector<double> geometric_slopes(std::int64_t n, double max_bias) {
  std::vector<double> slopes;
  for (std::int64_t h = 1; h <= n; ++h)
    slopes.push_back(std::exp2(-max_bias * static_cast<double>(h) / static_cast<double>(n)));
  return slopes;
}

class Alibi final : public PositionMethod {
 public:
  Alibi(std::int64_t num_heads, const AlibiOptions& options)
      : slopes_H_(at::tensor(alibi_slopes(num_heads, options.max_bias), at::kDouble) /
                  options.interpolation),
        form_(options.form),
        score_scale_(options.score_scale) {}

  double score_scale(std::int64_t head_dim) const override {
    return score_scale_ > 0.0 ? score_scale_ : PositionMethod::score_scale(head_dim);
  }

  ScoreBias score_bias(std::int64_t num_keys) const override {
    if (form_ == AlibiForm::Relative) return LinearBias{slopes_H_};
    return DenseBias{absolute_H1S_.get(num_keys, [&] {
      return slopes_H_.view({-1, 1, 1}) * at::arange(num_keys, slopes_H_.options());
    })};
  }

 private:
  at::Tensor slopes_H_;  // double; attention rounds them once to its own accumulation type
  AlibiForm form_;
  double score_scale_;
  mutable LastMade<std::int64_t, at::Tensor> absolute_H1S_;
};

constexpr std::array kForms{config::Choice{"relative", AlibiForm::Relative},
                            config::Choice{"absolute", AlibiForm::Absolute}};

}  // namespace

std::vector<double> alibi_slopes(std::int64_t num_heads, double max_bias) {
  std::int64_t n = 1;
  while (2 * n <= num_heads) n *= 2;
  auto slopes = geometric_slopes(n, max_bias);
  const auto finer = geometric_slopes(2 * n, max_bias);
  for (std::size_t i = 0; static_cast<std::int64_t>(slopes.size()) < num_heads; i += 2)
    slopes.push_back(finer[i]);
  return slopes;
}

void read(const config::Reader& reader, AlibiOptions& options) {
  options.form = config::choice(reader, "form", kForms, options.form);
  options.interpolation = read_interpolation(reader, options.interpolation);
  options.max_bias = reader.number("max_bias", {.high = 1024.0, .above = 0.0}, options.max_bias);
  options.score_scale =
      reader.number("score_scale", {.low = 0.0, .high = 1e6}, options.score_scale);
}

MethodPointer make(const AlibiOptions& options, const PositionDimensions& dimensions) {
  return std::make_unique<Alibi>(dimensions.num_heads, options);
}

}  // namespace longspan
