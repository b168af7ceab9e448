// xPos (Sun et al., arXiv:2212.10554, section 3 and its code): rotary pairs whose products also
// decay with the distance. Pair j of a query at position n is scaled by zeta_j^(n / scale_base), of
// a key by the inverse, with zeta_j = (2j / K + gamma) / (1 + gamma) and gamma = 0.4.

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>

#include <cmath>

#include "longspan/core/error.h"
#include "longspan/kernels/rotation.h"
#include "position/kinds.h"

namespace longspan {
namespace {

constexpr double kGamma = 0.4, kBase = 10000.0;
// Past this many scale bases the scales of the first pair leave float32: zeta_0^64 is e^-80.
constexpr std::int64_t kMaxScaleBases = 64;

class XPos final : public PositionMethod {
 public:
  XPos(std::int64_t head_dim, double scale_base) : head_dim_(head_dim), scale_base_(scale_base) {}

  QueryKey rotate(const QueryKey& query_key, const Positions& positions) const override {
    const auto dtype = query_key.q_BTHK.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
    const auto options = query_key.q_BTHK.options().dtype(dtype).requires_grad(false);
    const auto pair_F = at::arange(0, head_dim_, 2, options).div(static_cast<double>(head_dim_));
    const auto position_T1 =
        at::arange(positions.first, positions.first + positions.count, options).unsqueeze(1);
    const auto angle_TF = position_T1 * pair_F.mul(-std::log(kBase)).exp();
    const auto log_zeta_F = pair_F.add(kGamma).div(1.0 + kGamma).log();
    const auto scale_TF = (position_T1.div(scale_base_) * log_zeta_F).exp();
    return {turn(query_key.q_BTHK, angle_TF, scale_TF),
            turn(query_key.k_BTGK, angle_TF, scale_TF.reciprocal())};
  }

  std::optional<std::int64_t> max_positions() const override {
    return kMaxScaleBases * static_cast<std::int64_t>(scale_base_);
  }

 private:
  static at::Tensor turn(const at::Tensor& x_BTHK, const at::Tensor& angle_TF,
                         const at::Tensor& scale_TF) {
    return rotate_pairs(x_BTHK, {angle_TF.cos() * scale_TF, angle_TF.sin() * scale_TF},
                        RotaryPairing::Interleaved);
  }

  std::int64_t head_dim_;
  double scale_base_;
};

}  // namespace

PositionMaker read_xpos(const config::Reader& reader) {
  const double scale_base = reader.number("scale_base", {.low = 1.0, .high = 1e9}, 512.0);
  return [scale_base, place = reader.place()](const PositionDimensions& dimensions) {
    check(dimensions.head_dim % 2 == 0, ErrorKind::Config, place,
          ": xpos needs an even head dimension (model.d_model / model.num_heads), got ",
          dimensions.head_dim);
    return std::make_unique<XPos>(dimensions.head_dim, scale_base);
  };
}

}  // namespace longspan
