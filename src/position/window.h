#pragma once

#include <memory>

#include "longspan/core/last_made.h"
#include "longspan/position/position.h"

namespace longspan {

/// Any method, where a query sees the last `window` keys up to its own alone (Beltagy et al.,
/// arXiv:2004.05150, section 3.1, causal). Sequences that are not longer are those of the method,
/// bit for bit; in longer ones a bias of none or a linear one becomes one by distance.
class WindowedPosition final : public PositionMethod {
 public:
  WindowedPosition(std::unique_ptr<PositionMethod> method, std::int64_t num_heads,
                   std::int64_t window);

  at::Tensor embed(const at::Tensor& x_BTD, const Positions& positions) const override;
  std::optional<Rotation> rotation(const Positions& positions,
                                   const at::TensorOptions& options) const override;
  double score_scale(std::int64_t head_dim) const override;
  ScoreBias score_bias(std::int64_t num_keys) const override;
  std::vector<ScoreBias> layer_biases(std::int64_t num_keys) const override;
  std::optional<std::int64_t> max_positions() const override;
  std::vector<PositionParameter> parameters() const override;

 private:
  ScoreBias windowed(const ScoreBias& bias, std::int64_t num_keys) const;

  std::unique_ptr<PositionMethod> method_;
  std::int64_t num_heads_, window_;
  mutable LastMade<std::int64_t, at::Tensor> constant_HN_;
};

}  // namespace longspan
