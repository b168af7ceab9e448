// xPos (Sun et al., arXiv:2212.10554, section 3 and its code): rotary pairs whose products also
// decay with the distance. Pair j of a query at position n is scaled by zeta_j^(n / scale_base), of
// a key by the inverse, with zeta_j = (2j / K + gamma) / (1 + gamma) and gamma = 0.4.

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>

#include <cmath>

#include "longspan/core/error.h"
#include "longspan/core/last_made.h"
#include "longspan/kernels/rotation.h"
#include "position/angle_table.h"
#include "position/kinds.h"

namespace longspan {
namespace {

constexpr double kGamma = 0.4, kXposBase = 10000.0;
// Past this many scale bases the scales of the first pair leave float32: zeta_0^64 is e^-80.
constexpr std::int64_t kMaxScaleBases = 64;

class XPos final : public PositionMethod {
 public:
  XPos(std::int64_t head_dim, double scale_base)
      : num_pairs_(head_dim / 2),
        scale_base_(scale_base),
        frequencies_(frequencies_of({kXposBase, static_cast<double>(num_pairs_), 0, num_pairs_})) {}

  std::optional<Rotation> rotation(const Positions& positions,
                                   const at::TensorOptions& options) const override {
    return rotation_.get({positions, options}, [&] { return make_rotation(positions, options); });
  }

  std::optional<std::int64_t> max_positions() const override {
    return kMaxScaleBases * static_cast<std::int64_t>(scale_base_);
  }

 private:
  Rotation make_rotation(const Positions& positions, const at::TensorOptions& options) const {
    const auto table = angle_table(positions, frequencies_, at::kDouble);
    const auto rounded = table_options(options);
    const auto scaled = [&](double exponent_sign) -> RotaryAngles {
      const auto scale_TF = scales(positions, exponent_sign);
      return {(table.cos_TF * scale_TF).to(rounded), (table.sin_TF * scale_TF).to(rounded)};
    };
    return {scaled(1.0), scaled(-1.0), RotaryPairing::Interleaved};
  }

  // zeta_j^(exponent_sign * n / scale_base) in float64.
  at::Tensor scales(const Positions& positions, double exponent_sign) const {
    const auto scale_TF = at::empty({positions.count, num_pairs_}, at::kDouble);
    auto* scale = scale_TF.mutable_data_ptr<double>();
    for (std::int64_t t = 0; t < positions.count; ++t) {
      const double exponent =
          exponent_sign * static_cast<double>(positions.first + t) / scale_base_;
      for (std::int64_t j = 0; j < num_pairs_; ++j) {
        const double share = static_cast<double>(j) / static_cast<double>(num_pairs_);
        *scale++ = std::pow((share + kGamma) / (1.0 + kGamma), exponent);
      }
    }
    return scale_TF;
  }

  std::int64_t num_pairs_;
  double scale_base_;
  std::vector<Frequency> frequencies_;
  mutable LastMade<TableKey, Rotation> rotation_;
};

}  // namespace

void read(const config::Reader& reader, XPosOptions& options) {
  options.scale_base = reader.number("scale_base", {.low = 1.0, .high = 1e9}, options.scale_base);
  options.place = reader.place();
}

MethodPointer make(const XPosOptions& options, const PositionDimensions& dimensions) {
  check(dimensions.head_dim % 2 == 0, ErrorKind::Config, options.place,
        ": xpos needs an even head dimension (model.head_dim), got ", dimensions.head_dim);
  return std::make_unique<XPos>(dimensions.head_dim, options.scale_base);
}

}  // namespace longspan
