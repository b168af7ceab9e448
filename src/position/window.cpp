#include "position/window.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>

namespace longspan {
namespace {

// Far below all scores, yet finite: a block of keys of which a query sees none must not give the
// difference of two infinities. Its weight is zero in every dtype of the sums.
constexpr double kUnseen = -1e30;

}  // namespace

WindowedPosition::WindowedPosition(std::unique_ptr<PositionMethod> method, std::int64_t num_heads,
                                   std::int64_t window)
    : method_(std::move(method)), num_heads_(num_heads), window_(window) {}

at::Tensor WindowedPosition::embed(const at::Tensor& x_BTD, const Positions& positions) const {
  return method_->embed(x_BTD, positions);
}

std::optional<Rotation> WindowedPosition::rotation(const Positions& positions,
                                                   const at::TensorOptions& options) const {
  return method_->rotation(positions, options);
}

double WindowedPosition::score_scale(std::int64_t head_dim) const {
  return method_->score_scale(head_dim);
}

ScoreBias WindowedPosition::score_bias(std::int64_t num_keys) const {
  return num_keys <= window_ ? method_->score_bias(num_keys)
                             : windowed(method_->score_bias(num_keys), num_keys);
}

std::vector<ScoreBias> WindowedPosition::layer_biases(std::int64_t num_keys) const {
  auto biases = method_->layer_biases(num_keys);
  if (num_keys > window_)
    for (auto& bias : biases) bias = windowed(bias, num_keys);
  return biases;
}

std::optional<std::int64_t> WindowedPosition::max_positions() const {
  return method_->max_positions();
}

std::vector<PositionParameter> WindowedPosition::parameters() const {
  return method_->parameters();
}

ScoreBias WindowedPosition::windowed(const ScoreBias& bias, std::int64_t num_keys) const {
  const auto limited = [&](const at::Tensor& bias_HN) {
    const auto is_seen_N =
        at::arange(num_keys, bias_HN.options().dtype(at::kLong).requires_grad(false)) < window_;
    return at::where(is_seen_N, bias_HN.narrow(1, 0, num_keys), kUnseen);
  };
  if (const auto* dense = std::get_if<DenseBias>(&bias)) {
    const auto place_S =
        at::arange(num_keys, dense->bias_HTS.options().dtype(at::kLong).requires_grad(false));
    const auto is_seen_TS = place_S.unsqueeze(1) - place_S < window_;
    return DenseBias{at::where(is_seen_TS, dense->bias_HTS, kUnseen)};
  }
  if (const auto* distance = std::get_if<DistanceBias>(&bias))
    return DistanceBias{limited(distance->bias_HN)};
  // Constant, so made once.
  return DistanceBias{constant_HN_.get(num_keys, [&] {
    const auto* linear = std::get_if<LinearBias>(&bias);
    if (linear == nullptr) return limited(at::zeros({num_heads_, num_keys}));
    const auto distance_N = at::arange(num_keys, linear->slopes_H.options());
    return limited(linear->slopes_H.neg().unsqueeze(1) * distance_N);
  })};
}

}  // namespace longspan
