// Rotary embeddings (RoFormer, arXiv:2104.09864): pairs of each query's and key's elements are
// turned by position * base^(-2j/K). `pairing` says which elements are a pair: neighbours
// (RoFormer, GPT-J, the paper's starting point) or halves (GPT-NeoX, LLaMA).

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>

#include <cmath>

#include "longspan/core/error.h"
#include "longspan/kernels/rotation.h"
#include "position/kinds.h"

namespace longspan {
namespace {

class Rotary final : public PositionMethod {
 public:
  Rotary(std::int64_t head_dim, double base, RotaryPairing pairing)
      : head_dim_(head_dim), base_(base), pairing_(pairing) {}

  QueryKey rotate(const QueryKey& query_key, const Positions& positions) const override {
    const RotaryAngles angles = angles_at(positions, query_key.q_BTHK);
    return {rotate_pairs(query_key.q_BTHK, angles, pairing_),
            rotate_pairs(query_key.k_BTGK, angles, pairing_)};
  }

 private:
  RotaryAngles angles_at(const Positions& positions, const at::Tensor& like) const {
    const auto options = like.options()
                             .dtype(like.scalar_type() == at::kDouble ? at::kDouble : at::kFloat)
                             .requires_grad(false);
    const auto exponent_F =
        at::arange(0, head_dim_, 2, options).div(static_cast<double>(head_dim_));
    const auto frequency_F = exponent_F.mul(-std::log(base_)).exp();
    const auto position_T = at::arange(positions.first, positions.first + positions.count, options);
    const auto angle_TF = position_T.unsqueeze(1) * frequency_F.unsqueeze(0);
    return {angle_TF.cos(), angle_TF.sin()};
  }

  std::int64_t head_dim_;
  double base_;
  RotaryPairing pairing_;
};

}  // namespace

PositionMaker read_rotary(const config::Reader& reader) {
  const double base = reader.number("base", {.high = 1e12, .above = 1.0}, 10000.0);
  const auto pairing =
      reader.choice("pairing", {"interleaved", "half_split"}, "interleaved") == "interleaved"
          ? RotaryPairing::Interleaved
          : RotaryPairing::HalfSplit;
  return [base, pairing, place = reader.place()](const PositionDimensions& dimensions) {
    check(dimensions.head_dim % 2 == 0, ErrorKind::Config, place,
          ": rotary positions need an even head dimension (model.d_model / model.num_heads), got ",
          dimensions.head_dim);
    return std::make_unique<Rotary>(dimensions.head_dim, base, pairing);
  };
}

}  // namespace longspan
