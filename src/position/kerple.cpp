// KERPLE (Chi et al., arXiv:2205.09921, equations 4 and 5): a kernel of the distance with two
// trained numbers a head. `log`: -r1 log(1 + r2 d); `power`: -r1 d^r2 with r2 in (0, 2]. Both
// numbers stay in their range by their form: r1 = exp(w1), r2 = exp(w2), or 2 sigmoid(w2) for the
// power. They start at random around 1, so that heads differ.

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/zeros.h>

#include <array>

#include "longspan/config/choice.h"
#include "position/kinds.h"

namespace longspan {
namespace {

constexpr double kStartStd = 0.5;

class Kerple final : public PositionMethod {
 public:
  Kerple(std::int64_t num_heads, KerpleKernel kernel)
      : power_(kernel == KerpleKernel::Power),
        w1_H_(at::zeros({num_heads}, at::kFloat).requires_grad_()),
        w2_H_(at::zeros({num_heads}, at::kFloat).requires_grad_()) {}

  ScoreBias score_bias(std::int64_t num_keys) const override {
    const auto r1_H1 = w1_H_.exp().unsqueeze(1);
    const auto distance_N = at::arange(num_keys, w1_H_.options().requires_grad(false));
    if (!power_) {
      const auto r2_H1 = w2_H_.exp().unsqueeze(1);
      return DistanceBias{-r1_H1 * (r2_H1 * distance_N).log1p()};
    }
    // d^r2 through logarithms; distance 0, whose logarithm has no gradient, is put back as 0.
    const auto r2_H1 = w2_H_.sigmoid().mul(2.0).unsqueeze(1);
    const auto grown_HN = (r2_H1 * distance_N.clamp_min(1.0).log()).exp();
    return DistanceBias{-r1_H1 * grown_HN * distance_N.ne(0.0).to(grown_HN.scalar_type())};
  }

  std::vector<PositionParameter> parameters() const override {
    return {{"kerple.log_r1", w1_H_, kStartStd, 0.0},
            {power_ ? "kerple.logit_r2" : "kerple.log_r2", w2_H_, kStartStd, 0.0}};
  }

 private:
  bool power_;
  at::Tensor w1_H_, w2_H_;
};

constexpr std::array kKernels{config::Choice{"log", KerpleKernel::Log},
                              config::Choice{"power", KerpleKernel::Power}};

}  // namespace

void read(const config::Reader& reader, KerpleOptions& options) {
  options.kernel = config::choice(reader, "kernel", kKernels, options.kernel);
}

MethodPointer make(const KerpleOptions& options, const PositionDimensions& dimensions) {
  return std::make_unique<Kerple>(dimensions.num_heads, options.kernel);
}

}  // namespace longspan
