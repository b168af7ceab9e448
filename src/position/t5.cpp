// T5's relative bias (Raffel et al., arXiv:1910.10683, section 2.1, causal case): one learned
// scalar for each head and distance bucket, shared by all layers, added after scaling. Half the
// buckets hold one distance each, the others grow logarithmically.

#include <ATen/ops/empty.h>
#include <ATen/ops/tensor.h>

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

class T5 final : public PositionMethod {
 public:
  T5(const PositionDimensions& dimensions, BucketRule rule)
      : rule_(rule),
        start_std_(1.0 / std::sqrt(static_cast<double>(dimensions.d_model))),
        table_NH_(at::empty({rule.num_buckets, dimensions.num_heads}, at::kFloat)
                      .zero_()
                      .requires_grad_()) {}

  ScoreBias score_bias(std::int64_t num_keys) const override {
    std::vector<std::int64_t> buckets;
    for (std::int64_t distance = 0; distance < num_keys; ++distance)
      buckets.push_back(rule_.bucket(distance));
    return DistanceBias{
        table_NH_.index_select(0, at::tensor(buckets, table_NH_.options().dtype(at::kLong))).t()};
  }

  std::vector<PositionParameter> parameters() const override {
    return {{"t5.weight", table_NH_, start_std_, 0.0}};
  }

 private:
  BucketRule rule_;
  double start_std_;
  at::Tensor table_NH_;
};

}  // namespace

PositionMaker read_t5(const config::Reader& reader) {
  const std::int64_t num_buckets = reader.integer("num_buckets", {.low = 2, .high = 4096}, 32);
  const std::int64_t max_distance =
      reader.integer("max_distance", {.low = 2, .high = 1 << 24}, 128);
  check(max_distance > num_buckets / 2, ErrorKind::Config, reader.place("max_distance"),
        " must be greater than half of num_buckets (", num_buckets, "), got ", max_distance);
  return [rule = BucketRule{num_buckets, max_distance}](const PositionDimensions& dimensions) {
    return std::make_unique<T5>(dimensions, rule);
  };
}

}  // namespace longspan
