// Sinusoidal embeddings in the form of fairseq and tensor2tensor, the paper's baseline: all sines,
// then all cosines, exponent over half - 1, first position 2. Built in float32 in fairseq's order
// of operations.

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>

#include <cmath>

#include "longspan/core/error.h"
#include "position/kinds.h"

namespace longspan {
namespace {

constexpr std::int64_t kFirstRow = 2;  // fairseq counts from its padding index + 1
constexpr double kBase = 10000.0;

class Sinusoidal final : public PositionMethod {
 public:
  explicit Sinusoidal(std::int64_t d_model) : half_(d_model / 2) {}

  at::Tensor embed(const at::Tensor& x_BTD, const Positions& positions) const override {
    const auto options = x_BTD.options().dtype(at::kFloat).requires_grad(false);
    const double step = std::log(kBase) / static_cast<double>(half_ - 1);
    const auto frequency_F = at::arange(half_, options).mul(-step).exp();
    const std::int64_t first = kFirstRow + positions.first;
    const auto angle_TF =
        at::arange(first, first + positions.count, options).unsqueeze(1) * frequency_F.unsqueeze(0);
    return x_BTD + at::cat({angle_TF.sin(), angle_TF.cos()}, 1).to(x_BTD.scalar_type());
  }

 private:
  std::int64_t half_;
};

}  // namespace

PositionMaker read_sinusoidal(const config::Reader& reader) {
  return [place = reader.place()](const PositionDimensions& dimensions) {
    check(dimensions.d_model % 2 == 0 && dimensions.d_model >= 4, ErrorKind::Config, place,
          ": sinusoidal positions need an even model.d_model of at least 4, got ",
          dimensions.d_model);
    return std::make_unique<Sinusoidal>(dimensions.d_model);
  };
}

}  // namespace longspan
