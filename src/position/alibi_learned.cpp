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
  explicit AlibiLearned(std::int64_t num_heads)
      : slopes_H_(at::tensor(alibi_slopes(num_heads), at::kDouble)),
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

void read(const config::Reader&, AlibiLearnedOptions&) {}

MethodPointer make(const AlibiLearnedOptions&, const PositionDimensions& dimensions) {
  return std::make_unique<AlibiLearned>(dimensions.num_heads);
}

}  // namespace longspan
