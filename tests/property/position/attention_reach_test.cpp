// The reach of attention against plain loops over all scores, for every position method.

#include "longspan/evaluate/attention_reach.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>

#include <algorithm>
#include <cmath>

#include "support/tensors.h"

namespace longspan {
namespace {

constexpr std::int64_t kTrainedLength = 7, kVocabSize = 17, kLayers = 2, kHeads = 4;

Transformer make_model(const PositionConfig& position) {
  ModelConfig config;
  config.num_layers = kLayers;
  config.d_model = 16;
  config.num_heads = kHeads;
  config.num_kv_heads = 2;
  config.ffn_dim = 20;
  config.init = InitScheme::Fairseq;
  Transformer model(
      config,
      position.make({config.d_model, kHeads, config.head_dim(), kTrainedLength, config.num_layers}),
      kVocabSize);
  model.initialize(5);
  for (const auto& parameter : model.parameters()) {
    at::Tensor tensor = parameter.tensor;
    // Larger weights than at the start, so that attention is far from even.
    tensor.set_data(tensor.detach().to(at::kDouble).mul(tensor.dim() > 1 ? 2.0 : 1.0));
  }
  return model;
}

PositionConfig position_of(const std::string& kind, std::int64_t window = 0) {
  return {kind, default_position_options(kind), window};
}

at::Tensor some_ids(std::int64_t N, std::int64_t T) {
  return at::arange(N * T, at::kLong).mul(7).add(3).remainder(kVocabSize).view({N, T});
}

std::vector<std::vector<HeadReach>> measure(const Transformer& model, const at::Tensor& ids_NT,
                                            std::int64_t max_score_bytes = 1 << 20) {
  ReachOptions options;
  options.train_length = kTrainedLength;
  options.compute_dtype = at::kDouble;
  options.max_score_bytes = max_score_bytes;
  return measure_attention_reach(model, ids_NT, options);
}

double bias_at(const ScoreBias& bias, std::int64_t h, std::int64_t t, std::int64_t s) {
  if (const auto* linear = std::get_if<LinearBias>(&bias))
    return -linear->slopes_H[h].item<double>() * static_cast<double>(t - s);
  if (const auto* distance = std::get_if<DistanceBias>(&bias))
    return distance->bias_HN[h][t - s].item<double>();
  if (const auto* dense = std::get_if<DenseBias>(&bias))
    return dense->bias_HTS[h][dense->bias_HTS.size(1) == 1 ? 0 : t][s].item<double>();
  return 0.0;
}

std::vector<double> probabilities(const LayerAttention& layer, std::int64_t h, std::int64_t t) {
  const std::int64_t g = h / (layer.q_BTHK.size(2) / layer.k_BSGK.size(2));
  std::vector<double> p;
  for (std::int64_t s = 0; s <= t; ++s)
    p.push_back(layer.q_BTHK[0][t][h].dot(layer.k_BSGK[0][s][g]).item<double>() *
                    layer.options.scale +
                bias_at(layer.options.bias, h, t, s));
  const double greatest = *std::ranges::max_element(p);
  double sum = 0.0;
  for (double& x : p) sum += x = std::exp(x - greatest);
  for (double& x : p) x /= sum;
  return p;
}

void add(ReachMeans& means, const std::vector<double>& p) {
  const auto t = static_cast<std::int64_t>(p.size()) - 1;
  ++means.queries;
  for (std::int64_t s = 0; s <= t; ++s) {
    const double x = p[static_cast<std::size_t>(s)];
    means.mean_distance += x * static_cast<double>(t - s);
    if (t - s >= kTrainedLength) means.mass_beyond_trained += x;
    if (x > 0.0) means.entropy_nats -= x * std::log(x);
  }
}

void check_means(const ReachMeans& found, ReachMeans sums) {
  const double queries = std::max(1.0, static_cast<double>(sums.queries));
  CHECK(found.queries == sums.queries);
  CHECK(std::abs(found.mean_distance - sums.mean_distance / queries) < 1e-11);
  CHECK(std::abs(found.mass_beyond_trained - sums.mass_beyond_trained / queries) < 1e-12);
  CHECK(std::abs(found.entropy_nats - sums.entropy_nats / queries) < 1e-11);
}

void check_against_loops(const Transformer& model, const at::Tensor& ids_NT,
                         std::int64_t max_score_bytes) {
  std::vector<std::vector<HeadReach>> wanted(kLayers, std::vector<HeadReach>(kHeads));
  ForwardOptions options;
  options.compute_dtype = at::kDouble;
  options.when_attending = [&](const LayerAttention& layer) {
    for (std::int64_t h = 0; h < kHeads; ++h)
      for (std::int64_t t = 0; t < ids_NT.size(1); ++t) {
        HeadReach& head =
            wanted[static_cast<std::size_t>(layer.index)][static_cast<std::size_t>(h)];
        const auto p = probabilities(layer, h, t);
        add(head.all, p);
        if (t + 1 > kTrainedLength) add(head.far, p);
      }
  };
  const at::NoGradGuard no_gradient;
  for (std::int64_t i = 0; i < ids_NT.size(0); ++i) model.features(ids_NT.narrow(0, i, 1), options);
  const auto found = measure(model, ids_NT, max_score_bytes);
  REQUIRE(found.size() == kLayers);
  for (std::size_t layer = 0; layer < kLayers; ++layer) {
    REQUIRE(found[layer].size() == kHeads);
    for (std::size_t h = 0; h < kHeads; ++h) {
      CAPTURE(layer, h);
      check_means(found[layer][h].all, wanted[layer][h].all);
      check_means(found[layer][h].far, wanted[layer][h].far);
    }
  }
}

TEST_CASE("every kind's reach is that of plain loops over all scores, in chunks of any size") {
  const auto kind = GENERATE(from_range(position_kinds()));
  const auto window = GENERATE(std::int64_t{0}, std::int64_t{5});
  CAPTURE(kind, window);
  const Transformer model = make_model(position_of(kind, window));
  const auto limit = model.position().max_positions();
  for (const std::int64_t length : {1, 6, 7, 19})
    if (!limit || length <= *limit)
      // Chunks of one query, of three at length 19, and of all.
      for (const std::int64_t bytes : {std::int64_t{1}, 3 * kHeads * 19 * 8, std::int64_t{1} << 20})
        check_against_loops(model, some_ids(2, length), bytes);
}

TEST_CASE("even attention has the reach of even attention") {
  const Transformer model = make_model(position_of("none"));
  for (const auto& parameter : model.parameters())
    if (parameter.name.find(".attn.q.") != std::string::npos) {
      at::Tensor tensor = parameter.tensor;
      tensor.set_data(at::zeros_like(tensor));
    }
  constexpr std::int64_t kLength = 12;
  const HeadReach head = measure(model, some_ids(3, kLength))[1][2];
  double distance = 0.0, beyond = 0.0, entropy = 0.0;
  for (int keys = 1; keys <= kLength; ++keys) {
    distance += (keys - 1) / 2.0 / kLength;
    entropy += std::log(keys) / kLength;
    if (keys > kTrainedLength)
      beyond += static_cast<double>(keys - kTrainedLength) / keys / (kLength - kTrainedLength);
  }
  CHECK(head.all.queries == 3 * kLength);
  CHECK(head.far.queries == 3 * (kLength - kTrainedLength));
  CHECK(std::abs(head.all.mean_distance - distance) < 1e-12);
  CHECK(std::abs(head.all.entropy_nats - entropy) < 1e-12);
  CHECK(std::abs(head.far.mass_beyond_trained - beyond) < 1e-12);
}

TEST_CASE("a window of the position method hides what lies behind it") {
  const auto layers = measure(make_model(position_of("alibi", kTrainedLength)), some_ids(1, 19));
  for (const auto& heads : layers)
    for (const HeadReach& head : heads) {
      CHECK(head.far.mass_beyond_trained == 0.0);
      CHECK(head.far.mean_distance < kTrainedLength);
    }
}

TEST_CASE("looking at attention changes no bit of the features, and asks once a layer") {
  const Transformer model = make_model(position_of("rotary"));
  ForwardOptions options;
  options.compute_dtype = at::kDouble;
  const at::Tensor ids = some_ids(2, 9);
  const at::Tensor features = model.features(ids, options);
  std::vector<std::int64_t> seen;
  options.when_attending = [&](const LayerAttention& layer) {
    seen.push_back(layer.index);
    CHECK(layer.q_BTHK.sizes() == at::IntArrayRef{2, 9, kHeads, 4});
    CHECK(layer.k_BSGK.sizes() == at::IntArrayRef{2, 9, 2, 4});
  };
  CHECK(model.features(ids, options).equal(features));
  CHECK(seen == std::vector<std::int64_t>{0, 1});
}

}  // namespace
}  // namespace longspan
