// The hooks' defaults: a method that does not use one leaves everything as it is.

#include "longspan/position/position.h"

#include <cmath>

namespace longspan {

at::Tensor PositionMethod::embed(const at::Tensor& x_BTD, const Positions&) const { return x_BTD; }
std::optional<Rotation> PositionMethod::rotation(const Positions&, const at::TensorOptions&) const {
  return std::nullopt;
}
double PositionMethod::score_scale(std::int64_t head_dim) const {
  return 1.0 / std::sqrt(static_cast<double>(head_dim));
}
ScoreBias PositionMethod::score_bias(std::int64_t) const { return {}; }
std::vector<ScoreBias> PositionMethod::layer_biases(std::int64_t num_keys) const {
  return {score_bias(num_keys)};
}
std::optional<std::int64_t> PositionMethod::max_positions() const { return std::nullopt; }
std::vector<PositionParameter> PositionMethod::parameters() const { return {}; }

}  // namespace longspan
