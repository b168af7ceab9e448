// ALiBi with trainable slopes (arXiv:2108.12409, footnote 11, which found them to extrapolate
// poorly): each head's slope is the paper's times exp(w), so that it stays positive and starts at
// the paper's with w = 0.

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include "longspan/core/last_made.h"
#include "position/alibi_slopes.h"
#include "position/kinds.h"

namespace longspan {
namespace {

class AlibiLearned final : public PositionMethod {
 public:
  AlibiLearned(std::int64_t num_heads, double interpolation)
      : slopes_H_(at::tensor(alibi_slopes(num_heads), at::kDouble) / interpolation),
        log_factor_H_(at::zeros({num_heads}, at::kFloat).requires_grad_()) {}

  ScoreBias score_bias(std::int64_t num_keys) const override {
    const auto slope_H = slopes() * log_factor_H_.exp();
    const auto distance_N = at::arange(num_keys, slope_H.options().requires_grad(false));
    return DistanceBias{slope_H.neg().unsqueeze(1) * distance_N};
  }

  std::vector<PositionParameter> parameters() const override {
    return {{"alibi_learned.log_factor", log_factor_H_, 0.0, 0.0}};
  }

 private:
  // The paper's, as the trained factors lie.
  at::Tensor slopes() const {
    const auto dtype = log_factor_H_.scalar_type();
    const auto device = log_factor_H_.device();
    return placed_slopes_H_.get({dtype, device}, [&] { return slopes_H_.to(device, dtype); });
  }

  at::Tensor slopes_H_;
  mutable LastMade<std::pair<at::ScalarType, c10::Device>, at::Tensor> placed_slopes_H_;
  at::Tensor log_factor_H_;
};

}  // namespace

void read(const config::Reader& reader, AlibiLearnedOptions& options) {
  options.interpolation = read_interpolation(reader, options.interpolation);
}

MethodPointer make(const AlibiLearnedOptions& options, const PositionDimensions& dimensions) {
  return std::make_unique<AlibiLearned>(dimensions.num_heads, options.interpolation);
}

}  // namespace longspan
