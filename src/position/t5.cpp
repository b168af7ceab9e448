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
#include <array>
#include <cmath>

#include "longspan/config/choice.h"
#include "longspan/core/error.h"
#include "longspan/core/last_made.h"
#include "position/kinds.h"

namespace longspan {
namespace {

// In float32, as the original computes it: at some distances rounding decides the bucket.
std::int64_t bucket_of(std::int64_t distance, const T5Options& options) {
  const std::int64_t exact = options.num_buckets / 2;
  const double near = static_cast<double>(distance) / options.interpolation;
  if (near < static_cast<double>(exact)) return static_cast<std::int64_t>(near);
  const float ratio = std::log(static_cast<float>(near) / static_cast<float>(exact)) /
                      static_cast<float>(std::log(static_cast<double>(options.max_distance) /
                                                  static_cast<double>(exact)));
  const auto logarithmic =
      exact + static_cast<std::int64_t>(ratio * static_cast<float>(options.num_buckets - exact));
  return std::min(logarithmic, options.num_buckets - 1);
}

double start_std(T5Start start, std::int64_t d_model) {
  if (start == T5Start::Zero) return 0.0;
  return start == T5Start::Unit ? 1.0 : 1.0 / std::sqrt(static_cast<double>(d_model));
}

class T5 final : public PositionMethod {
 public:
  T5(const PositionDimensions& dimensions, const T5Options& options)
      : options_(options), start_std_(start_std(options.start, dimensions.d_model)) {
    check(options.shared || dimensions.num_layers > 0, ErrorKind::Internal,
          "tables of each layer need the number of layers, got ", dimensions.num_layers);
    const std::int64_t num_tables = options.shared ? 1 : dimensions.num_layers;
    for (std::int64_t i = 0; i < num_tables; ++i)
      tables_NH_.push_back(
          at::zeros({options.num_buckets, dimensions.num_heads}, at::kFloat).requires_grad_());
  }

  double score_scale(std::int64_t head_dim) const override {
    return options_.scale_scores ? PositionMethod::score_scale(head_dim) : 1.0;
  }

  ScoreBias score_bias(std::int64_t num_keys) const override {
    return layer_biases(num_keys).front();
  }

  std::vector<ScoreBias> layer_biases(std::int64_t num_keys) const override {
    const auto device = tables_NH_.front().device();
    const auto buckets_N =
        buckets_N_.get({num_keys, device}, [&] { return buckets(num_keys, device); });
    std::vector<ScoreBias> biases;
    for (const auto& table_NH : tables_NH_)
      biases.emplace_back(DistanceBias{table_NH.index_select(0, buckets_N).t()});
    return biases;
  }

  std::vector<PositionParameter> parameters() const override {
    if (options_.shared) return {{"t5.weight", tables_NH_.front(), start_std_, 0.0}};
    std::vector<PositionParameter> result;
    for (std::size_t i = 0; i < tables_NH_.size(); ++i)
      result.push_back(
          {"t5.layers." + std::to_string(i) + ".weight", tables_NH_[i], start_std_, 0.0});
    return result;
  }

 private:
  at::Tensor buckets(std::int64_t num_keys, c10::Device device) const {
    std::vector<std::int64_t> result;
    for (std::int64_t distance = 0; distance < num_keys; ++distance)
      result.push_back(bucket_of(distance, options_));
    return at::tensor(result, at::kLong).to(device);
  }

  T5Options options_;
  double start_std_;
  std::vector<at::Tensor> tables_NH_;  // one, or one a layer
  mutable LastMade<std::pair<std::int64_t, c10::Device>, at::Tensor> buckets_N_;
};

constexpr std::array kStarts{config::Choice{"d_model", T5Start::DModel},
                             config::Choice{"unit", T5Start::Unit},
                             config::Choice{"zero", T5Start::Zero}};

}  // namespace

void read(const config::Reader& reader, T5Options& options) {
  options.num_buckets =
      reader.integer("num_buckets", {.low = 2, .high = 4096}, options.num_buckets);
  options.max_distance =
      reader.integer("max_distance", {.low = 2, .high = 1 << 24}, options.max_distance);
  check(options.max_distance > options.num_buckets / 2, ErrorKind::Config,
        reader.place("max_distance"), " must be greater than half of num_buckets (",
        options.num_buckets, "), got ", options.max_distance);
  options.start = config::choice(reader, "init", kStarts, options.start);
  options.shared = reader.boolean("shared", options.shared);
  options.scale_scores = reader.boolean("scale_scores", options.scale_scores);
  options.interpolation = read_interpolation(reader, options.interpolation);
}

MethodPointer make(const T5Options& options, const PositionDimensions& dimensions) {
  return std::make_unique<T5>(dimensions, options);
}

}  // namespace longspan
