// Sinusoidal embeddings in the form of fairseq and tensor2tensor, the paper's baseline: all sines,
// then all cosines, exponent over half - 1, first position 2. fairseq builds the table in float32;
// here each entry is the exact one rounded once.

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>

#include "longspan/core/error.h"
#include "longspan/core/last_made.h"
#include "position/angle_table.h"
#include "position/kinds.h"

namespace longspan {
namespace {

constexpr std::int64_t kFirstRow = 2;  // fairseq counts from its padding index + 1
constexpr double kSinusoidalBase = 10000.0;

class Sinusoidal final : public PositionMethod {
 public:
  explicit Sinusoidal(std::int64_t half)
      : frequencies_(frequencies_of({kSinusoidalBase, static_cast<double>(half - 1), 0, half})) {}

  at::Tensor embed(const at::Tensor& x_BTD, const Positions& positions) const override {
    return x_BTD + table_TD_.get({positions, x_BTD.options()},
                                 [&] { return table(positions, x_BTD.options()); });
  }

 private:
  at::Tensor table(const Positions& positions, const at::TensorOptions& options) const {
    const auto angles =
        angle_table({kFirstRow + positions.first, positions.count}, frequencies_, options);
    return at::cat({angles.sin_TF, angles.cos_TF}, 1).to(options.dtype());
  }

  std::vector<Frequency> frequencies_;
  mutable LastMade<TableKey, at::Tensor> table_TD_;
};

}  // namespace

void read(const config::Reader& reader, SinusoidalOptions& options) {
  options.place = reader.place();
}

MethodPointer make(const SinusoidalOptions& options, const PositionDimensions& dimensions) {
  check(dimensions.d_model % 2 == 0 && dimensions.d_model >= 4, ErrorKind::Config, options.place,
        ": sinusoidal positions need an even model.d_model of at least 4, got ",
        dimensions.d_model);
  return std::make_unique<Sinusoidal>(dimensions.d_model / 2);
}

}  // namespace longspan
