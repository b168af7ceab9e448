// When the model asks its position method for what.

#include "longspan/model/transformer.h"
#include "support/tensors.h"

namespace longspan {
namespace {

constexpr std::int64_t kLayers = 3, kHeadDim = 4;

// Turns nothing, and counts how often it is asked.
class Counting final : public PositionMethod {
 public:
  explicit Counting(std::vector<Positions>& asked) : asked_(&asked) {}

  std::optional<Rotation> rotation(const Positions& positions,
                                   const at::TensorOptions& options) const override {
    asked_->push_back(positions);
    const std::vector<std::int64_t> sizes{positions.count, kHeadDim / 2};
    const RotaryAngles still{at::ones(sizes, options), at::zeros(sizes, options)};
    return Rotation{still, still, RotaryPairing::Interleaved};
  }

 private:
  std::vector<Positions>* asked_;
};

Transformer make_model(std::unique_ptr<PositionMethod> method) {
  ModelConfig config;
  config.num_layers = kLayers;
  config.d_model = 2 * kHeadDim;
  config.num_heads = config.num_kv_heads = 2;
  config.ffn_dim = 12;
  Transformer model(config, std::move(method), 29);
  model.initialize(3);
  return model;
}

at::Tensor some_ids(std::int64_t count) { return at::arange(count, at::kLong).unsqueeze(0); }

TEST_CASE("the model asks for the rotation once a pass, layers run again in backward included") {
  std::vector<Positions> asked;
  const auto model = make_model(std::make_unique<Counting>(asked));
  ForwardOptions options;
  options.activation_checkpointing = GENERATE(false, true);
  model.loss_sum(model.features(some_ids(6), options), some_ids(6), options).backward();
  REQUIRE(asked.size() == 1);
  CHECK(asked[0].first == 0);
  CHECK(asked[0].count == 6);
}

TEST_CASE("with a cache the model asks for the rotation of the new positions alone") {
  std::vector<Positions> asked;
  const auto model = make_model(std::make_unique<Counting>(asked));
  KeyValueCache cache(16);
  ForwardOptions options;
  options.cache = &cache;
  model.features(some_ids(5), options);
  model.features(some_ids(2), options);
  REQUIRE(asked.size() == 2);
  CHECK(asked[1].first == 5);
  CHECK(asked[1].count == 2);
}

// A method that scales scores by a constant of its own.
class Unscaled final : public PositionMethod {
 public:
  double score_scale(std::int64_t) const override { return 1.0; }
};

TEST_CASE("the scale of scores is the method's: as queries multiplied by sqrt(K)") {
  const auto unscaled = make_model(std::make_unique<Unscaled>());
  std::vector<Positions> asked;
  const auto scaled = make_model(std::make_unique<Counting>(asked));
  for (const auto& parameter : scaled.parameters())
    if (parameter.name.find(".attn.q.") != std::string::npos) parameter.tensor.detach().mul_(2.0);
  CHECK(testing::difference(unscaled.features(some_ids(7), {}), scaled.features(some_ids(7), {}),
                            1e-6) == "");
}

}  // namespace
}  // namespace longspan
