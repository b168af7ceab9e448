// Attention against its definition, and the fused path against the composed one.

#include "longspan/kernels/attention.h"

#include <cmath>
#include <vector>

#include "support/bias_forms.h"
#include "support/tensors.h"

namespace longspan {
namespace {

using testing::difference;
using testing::form_names;
using testing::make_bias;
using testing::random_tensor;

double bias_at(const ScoreBias& bias, std::int64_t h, std::int64_t t, std::int64_t s,
               std::int64_t distance) {
  if (const auto* linear = std::get_if<LinearBias>(&bias))
    return -linear->slopes_H[h].item<double>() * double(distance);
  if (const auto* by_distance = std::get_if<DistanceBias>(&bias))
    return by_distance->bias_HN[h][distance].item<double>();
  if (const auto* dense = std::get_if<DenseBias>(&bias))
    return dense->bias_HTS[h][t][s].item<double>();
  return 0.0;
}

/// The definition, one score at a time.
at::Tensor reference(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                     const ScoreBias& bias, double scale) {
  const std::int64_t B = q.size(0), T = q.size(1), H = q.size(2), S = k.size(1), G = k.size(2);
  at::Tensor out = at::zeros(q.sizes(), at::kDouble);
  for (std::int64_t b = 0; b < B; ++b)
    for (std::int64_t h = 0; h < H; ++h)
      for (std::int64_t t = 0; t < T; ++t) {
        const std::int64_t g = h / (H / G), position = S - T + t;
        double sum = 0;
        at::Tensor mixed = at::zeros({q.size(3)}, at::kDouble);
        for (std::int64_t s = 0; s <= position; ++s) {
          const double score = scale * q[b][t][h].dot(k[b][s][g]).item<double>() +
                               bias_at(bias, h, t, s, position - s);
          sum += std::exp(score);
          mixed += std::exp(score) * v[b][s][g];
        }
        out[b][t][h] = mixed / sum;
      }
  return out;
}

TEST_CASE("attention equals its definition for every form of bias") {
  const auto form = GENERATE(from_range(form_names()));
  const auto cached = GENERATE(0, 9);
  INFO(form << ", " << cached << " cached keys");
  const std::int64_t B = 2, T = 5, H = 6, G = 3, K = 4, S = T + cached;
  const auto q = random_tensor({B, T, H, K}, 1, at::kDouble),
             k = random_tensor({B, S, G, K}, 2, at::kDouble);
  const auto v = random_tensor({B, S, G, K}, 3, at::kDouble);
  const AttentionOptions options{make_bias(form, H, T, S), 0.5, std::nullopt};
  const auto expected = reference(q, k, v, options.bias, 0.5);
  CHECK(difference(attention(q, k, v, options), expected, 1e-12) == "");
  CHECK(difference(composed_attention(q, k, v, options), expected, 1e-12) == "");
  // Rounding of scores of size about 4 to float32, and of a sum of up to S terms.
  const auto narrow = [](const at::Tensor& x) { return x.to(at::kFloat); };
  CHECK(difference(attention(narrow(q), narrow(k), narrow(v), options), expected,
                   32 * std::exp2(-24)) == "");
}

TEST_CASE("fused and composed agree over several query blocks, gradients and dropout included") {
  const auto form = GENERATE(from_range(form_names()));
  const auto p = GENERATE(0.0, 0.2);
  INFO(form << ", dropout " << p);
  const std::int64_t B = 2, T = 150, H = 4, G = 2, K = 8;
  const auto bias = make_bias(form, H, T, T);
  std::vector<at::Tensor> gradients[2];
  at::Tensor outputs[2];
  for (const int composed : {0, 1}) {
    auto q = random_tensor({B, T, H, K}, 1, at::kDouble).requires_grad_();
    auto k = random_tensor({B, T, G, K}, 2, at::kDouble).requires_grad_();
    auto v = random_tensor({B, T, G, K}, 3, at::kDouble).requires_grad_();
    AttentionOptions options{bias, 0.35, std::nullopt};
    std::vector<at::Tensor> inputs{q, k, v};
    if (form == "distance") {
      auto table = std::get<DistanceBias>(bias).bias_HN.detach().clone().requires_grad_();
      options.bias = DistanceBias{table};
      inputs.push_back(table);
    }
    if (p > 0.0) options.dropout = {p, {1, 2, 3}, dropout_row_ids(at::arange(B, at::kLong), 0, T)};
    outputs[composed] =
        composed != 0 ? composed_attention(q, k, v, options) : attention(q, k, v, options);
    outputs[composed].mul(random_tensor({B, T, H, K}, 4, at::kDouble)).sum().backward();
    for (const auto& input : inputs) gradients[composed].push_back(input.grad());
  }
  CHECK(difference(outputs[0], outputs[1], 1e-6) ==
        "");  // the composed path draws its multipliers in float32
  for (std::size_t i = 0; i < gradients[0].size(); ++i)
    CHECK(difference(gradients[0][i], gradients[1][i], 1e-5) == "");
}

}  // namespace
}  // namespace longspan
