// T5's relative bias (Raffel et al., arXiv:1910.10683, section 2.1, causal case): one learned
// scalar for each head and distance bucket. Half the buckets hold one distance each, the others
// grow logarithmically. The ALiBi paper starts from Hugging Face's T5 and states no more, so the
// defaults are that code's (32 buckets to distance 128, one table for all layers, start of
// deviation d_model^-1/2), but for `scale_scores`: there the paper's other methods keep 1/sqrt(K),
// and T5 leaves it out only with start values of the projections that make up for it.

#include <ATen/TensorOperators.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>

#include "longspan/core/error.h"
#include "position/kinds.h"

namespace longspan {
namespace {

struct BucketRule {
  std::int64_t num_buckets;
  std::int64_t max_distance;

  // In float32, as the original computes it: at some distances rounding decides the bucket.
  std::int64_t bucket(std::int64_t distance) const {
    const std::int64_t exact = num_buckets / 2;
    if (distance < exact) return distance;
    const float ratio = std::log(static_cast<float>(distance) / static_cast<float>(exact)) /
                        static_cast<float>(std::log(static_cast<double>(max_distance) /
                                                    static_cast<double>(exact)));
    const auto logarithmic =
        exact + static_cast<std::int64_t>(ratio * static_cast<float>(num_buckets - exact));
    return std::min(logarithmic, num_buckets - 1);
  }
};

struct T5Options {
  BucketRule rule;
  std::string init;   // d_model, unit or zero
  bool shared;        // one table for all layers
  bool scale_scores;  // keeps attention's 1/sqrt(K)

  double start_std(std::int64_t d_model) const {
    if (init == "zero") return 0.0;
    return init == "unit" ? 1.0 : 1.0 / std::sqrt(static_cast<double>(d_model));
  }
};

class T5 final : public PositionMethod {
 public:
  T5(const PositionDimensions& dimensions, const T5Options& options)
      : rule_(options.rule),
        start_std_(options.start_std(dimensions.d_model)),
        shared_(options.shared),
        scale_scores_(options.scale_scores) {
    check(shared_ || dimensions.num_layers > 0, ErrorKind::Internal,
          "tables of each layer need the number of layers, got ", dimensions.num_layers);
    const std::int64_t num_tables = shared_ ? 1 : dimensions.num_layers;
    for (std::int64_t i = 0; i < num_tables; ++i)
      tables_NH_.push_back(
          at::zeros({rule_.num_buckets, dimensions.num_heads}, at::kFloat).requires_grad_());
  }

  double score_scale(std::int64_t head_dim) const override {
    return scale_scores_ ? PositionMethod::score_scale(head_dim) : 1.0;
  }

  ScoreBias score_bias(std::int64_t num_keys) const override {
    return layer_biases(num_keys).front();
  }

  std::vector<ScoreBias> layer_biases(std::int64_t num_keys) const override {
    std::vector<std::int64_t> buckets;
    for (std::int64_t distance = 0; distance < num_keys; ++distance)
      buckets.push_back(rule_.bucket(distance));
    const auto buckets_N =
        at::tensor(buckets, tables_NH_.front().options().dtype(at::kLong).requires_grad(false));
    std::vector<ScoreBias> biases;
    for (const auto& table_NH : tables_NH_)
      biases.emplace_back(DistanceBias{table_NH.index_select(0, buckets_N).t()});
    return biases;
  }

  std::vector<PositionParameter> parameters() const override {
    if (shared_) return {{"t5.weight", tables_NH_.front(), start_std_, 0.0}};
    std::vector<PositionParameter> result;
    for (std::size_t i = 0; i < tables_NH_.size(); ++i)
      result.push_back(
          {"t5.layers." + std::to_string(i) + ".weight", tables_NH_[i], start_std_, 0.0});
    return result;
  }

 private:
  BucketRule rule_;
  double start_std_;
  bool shared_, scale_scores_;
  std::vector<at::Tensor> tables_NH_;  // one, or one a layer
};

}  // namespace

PositionMaker read_t5(const config::Reader& reader) {
  const std::int64_t num_buckets = reader.integer("num_buckets", {.low = 2, .high = 4096}, 32);
  const std::int64_t max_distance =
      reader.integer("max_distance", {.low = 2, .high = 1 << 24}, 128);
  check(max_distance > num_buckets / 2, ErrorKind::Config, reader.place("max_distance"),
        " must be greater than half of num_buckets (", num_buckets, "), got ", max_distance);
  const std::string init = reader.choice("init", {"d_model", "unit", "zero"}, "d_model");
  const bool shared = reader.boolean("shared", true),
             scale_scores = reader.boolean("scale_scores", true);
  return [options = T5Options{{num_buckets, max_distance}, init, shared, scale_scores}](
             const PositionDimensions& dimensions) {
    return std::make_unique<T5>(dimensions, options);
  };
}

}  // namespace longspan
