// Rotary embeddings (RoFormer, arXiv:2104.09864): pairs of each query's and key's elements are
// turned by position * base^(-2j/K). `pairing` says which elements are a pair: neighbours
// (RoFormer, GPT-J, the paper's starting point) or halves (GPT-NeoX, LLaMA).

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/stack.h>

#include <cmath>

#include "longspan/core/error.h"
#include "position/kinds.h"

namespace longspan {
namespace {

enum class Pairing { Interleaved, HalfSplit };

struct Angles {
  at::Tensor cos_T1F, sin_T1F;
};

class Rotary final : public PositionMethod {
 public:
  Rotary(std::int64_t head_dim, double base, Pairing pairing)
      : head_dim_(head_dim), base_(base), pairing_(pairing) {}

  QueryKey rotate(const QueryKey& query_key, const Positions& positions) const override {
    const Angles angles = angles_at(positions, query_key.q_BTHK);
    return {turn(query_key.q_BTHK, angles), turn(query_key.k_BTGK, angles)};
  }

 private:
  Angles angles_at(const Positions& positions, const at::Tensor& like) const {
    const auto options =
        like.options().dtype(like.scalar_type() == at::kDouble ? at::kDouble : at::kFloat);
    const auto exponent_F =
        at::arange(0, head_dim_, 2, options).div(static_cast<double>(head_dim_));
    const auto frequency_F = exponent_F.mul(-std::log(base_)).exp();
    const auto position_T = at::arange(positions.first, positions.first + positions.count, options);
    const auto angle_T1F = (position_T.unsqueeze(1) * frequency_F.unsqueeze(0)).unsqueeze(1);
    return {angle_T1F.cos(), angle_T1F.sin()};
  }

  at::Tensor turn(const at::Tensor& x_BTHK, const Angles& angles) const {
    const auto pairs = pairing_ == Pairing::Interleaved
                           ? x_BTHK.unflatten(-1, {head_dim_ / 2, 2})
                           : x_BTHK.unflatten(-1, {2, head_dim_ / 2}).transpose(-1, -2);
    const auto first = pairs.select(-1, 0), second = pairs.select(-1, 1);
    const auto turned_first = first * angles.cos_T1F - second * angles.sin_T1F;
    const auto turned_second = second * angles.cos_T1F + first * angles.sin_T1F;
    const auto turned = pairing_ == Pairing::Interleaved
                            ? at::stack({turned_first, turned_second}, -1).flatten(-2)
                            : at::cat({turned_first, turned_second}, -1);
    return turned.to(x_BTHK.scalar_type());
  }

  std::int64_t head_dim_;
  double base_;
  Pairing pairing_;
};

}  // namespace

PositionMaker read_rotary(const config::Reader& reader) {
  const double base = reader.number("base", {.high = 1e12, .above = 1.0}, 10000.0);
  const auto pairing =
      reader.choice("pairing", {"interleaved", "half_split"}, "interleaved") == "interleaved"
          ? Pairing::Interleaved
          : Pairing::HalfSplit;
  return [base, pairing, place = reader.place()](const PositionDimensions& dimensions) {
    check(dimensions.head_dim % 2 == 0, ErrorKind::Config, place,
          ": rotary positions need an even head dimension (model.d_model / model.num_heads), got ",
          dimensions.head_dim);
    return std::make_unique<Rotary>(dimensions.head_dim, base, pairing);
  };
}

}  // namespace longspan
