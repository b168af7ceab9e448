// FIRE (Li et al., arXiv:2310.04418, equation 4): a small network of psi(i - j) / psi(max(L, i))
// with psi(x) = log(c x + 1); c, the threshold L and the network are trained. It depends on the
// query's position as well as on the distance, so it is a dense bias.

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/zeros.h>

#include <cmath>

#include "position/kinds.h"

namespace longspan {
namespace {

constexpr double kStartC = 0.1;

at::Tensor trainable(at::IntArrayRef sizes) {
  return at::zeros(sizes, at::kFloat).requires_grad_();
}

class Fire final : public PositionMethod {
 public:
  Fire(std::int64_t num_heads, const FireOptions& options)
      : start_threshold_(options.threshold),
        c_(trainable({1})),
        threshold_(trainable({1})),
        fc1_W1_(trainable({options.width, 1})),
        fc1_W_(trainable({options.width})),
        fc2_HW_(trainable({num_heads, options.width})),
        fc2_H_(trainable({num_heads})) {}

  ScoreBias score_bias(std::int64_t num_keys) const override {
    const auto position_S = at::arange(num_keys, c_.options().requires_grad(false));
    const auto distance_TS = position_S.unsqueeze(1).sub(position_S).clamp_min(0.0);
    const auto reach_T1 = at::maximum(position_S, threshold_.abs()).unsqueeze(1);
    const auto share_TS = psi(distance_TS) / psi(reach_T1);
    const auto hidden_TSW = at::linear(share_TS.unsqueeze(-1), fc1_W1_, fc1_W_).relu();
    return DenseBias{at::linear(hidden_TSW, fc2_HW_, fc2_H_).permute({2, 0, 1}).contiguous()};
  }

  std::vector<PositionParameter> parameters() const override {
    // Deviations of PyTorch's default for linear layers: uniform in +-1 / sqrt(inputs).
    const double fc1_std = 1.0 / std::sqrt(3.0);
    const double fc2_std = 1.0 / std::sqrt(3.0 * static_cast<double>(fc2_HW_.size(1)));
    return {{"fire.c", c_, 0.0, kStartC},
            {"fire.threshold", threshold_, 0.0, start_threshold_},
            {"fire.fc1.weight", fc1_W1_, fc1_std, 0.0},
            {"fire.fc1.bias", fc1_W_, fc1_std, 0.0},
            {"fire.fc2.weight", fc2_HW_, fc2_std, 0.0},
            {"fire.fc2.bias", fc2_H_, fc2_std, 0.0}};
  }

 private:
  at::Tensor psi(const at::Tensor& x) const { return (c_.abs() * x).log1p(); }

  double start_threshold_;
  at::Tensor c_, threshold_, fc1_W1_, fc1_W_, fc2_HW_, fc2_H_;
};

}  // namespace

void read(const config::Reader& reader, FireOptions& options) {
  options.width = reader.integer("width", {.low = 1, .high = 1 << 16}, options.width);
  options.threshold = reader.number("threshold", {.low = 1.0, .high = 1e9}, options.threshold);
}

MethodPointer make(const FireOptions& options, const PositionDimensions& dimensions) {
  return std::make_unique<Fire>(dimensions.num_heads, options);
}

}  // namespace longspan
