// Sandwich (Chi et al., arXiv:2212.10356, section 5 and the code of its appendix E): what positions
// alone add to the scores of sinusoidal embeddings, without the learned projections. Head h = 1 ..
// H adds p_i . p_j / (8h / H) with p_i . p_j = sum over k of cos((i - j) / 10000^(2k / d')), d'/2
// terms. Where sources differ, the default follows the authors, whose results it should give again:
// - `dim`, the paper's d': 128, one number for all its models; NVIDIA NeMo takes the head's width;
// - `first_frequency`, the first k: 0, as the embeddings of Vaswani et al. count; NeMo has 1.
// NeMo also takes d'/2 off, a constant a head that softmax takes out again: no option.

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>

#include "longspan/core/error.h"
#include "longspan/core/last_made.h"
#include "position/angle_table.h"
#include "position/kinds.h"

namespace longspan {
namespace {

constexpr double kSandwichBase = 10000.0;
constexpr double kLargestRatio = 8.0;  // the compression of the last head; the first has 8 / H

class Sandwich final : public PositionMethod {
 public:
  Sandwich(std::int64_t num_heads, const SandwichOptions& options)
      : num_heads_(num_heads),
        frequencies_(frequencies_of({kSandwichBase, static_cast<double>(options.dim) / 2.0,
                                     options.first_frequency, options.dim / 2})) {}

  ScoreBias score_bias(std::int64_t num_keys) const override {
    return DistanceBias{bias_HN_.get(num_keys, [&] { return bias(num_keys); })};
  }

 private:
  at::Tensor bias(std::int64_t num_keys) const {
    const auto product_N = at::empty({num_keys}, at::kDouble);
    auto* product = product_N.mutable_data_ptr<double>();
    for (std::int64_t distance = 0; distance < num_keys; ++distance) {
      product[distance] = 0.0;
      for (const auto& frequency : frequencies_)
        product[distance] += cosine_and_sine(distance, frequency).cosine;
    }
    const auto ratio_H = at::arange(1, num_heads_ + 1, at::kDouble)
                             .mul(kLargestRatio / static_cast<double>(num_heads_));
    return product_N / ratio_H.unsqueeze(1);
  }

  std::int64_t num_heads_;
  std::vector<Frequency> frequencies_;
  mutable LastMade<std::int64_t, at::Tensor> bias_HN_;
};

}  // namespace

void read(const config::Reader& reader, SandwichOptions& options) {
  options.dim = reader.integer("dim", {.low = 2, .high = 1 << 16}, options.dim);
  check(options.dim % 2 == 0, ErrorKind::Config, reader.place("dim"),
        " must be even, a sine and a cosine for each frequency, got ", options.dim);
  options.first_frequency =
      reader.integer("first_frequency", {.low = 0, .high = 1}, options.first_frequency);
}

MethodPointer make(const SandwichOptions& options, const PositionDimensions& dimensions) {
  return std::make_unique<Sandwich>(dimensions.num_heads, options);
}

}  // namespace longspan
