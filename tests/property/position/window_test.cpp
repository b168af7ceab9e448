// `position.window` around every position method, through a whole small model.

#include <set>

#include "longspan/model/transformer.h"
#include "longspan/position/position.h"
#include "support/tensors.h"

namespace longspan {
namespace {

using testing::difference;
using testing::random_tensor;

constexpr std::int64_t kWindow = 4, kLength = 10, kVocabSize = 17, kDModel = 12, kHeads = 3;

Transformer make_model(const std::string& kind, std::int64_t window, std::int64_t num_layers = 1) {
  ModelConfig config;
  config.num_layers = num_layers;
  config.d_model = kDModel;
  config.num_heads = config.num_kv_heads = kHeads;
  config.ffn_dim = 20;
  const PositionConfig position{kind, default_position_options(kind), window};
  Transformer model(config,
                    position.make({.d_model = kDModel,
                                   .num_heads = kHeads,
                                   .head_dim = config.head_dim(),
                                   .seq_len = kLength,
                                   .num_layers = num_layers}),
                    kVocabSize);
  model.initialize(5);
  for (const auto& parameter : model.parameters()) {
    at::Tensor tensor = parameter.tensor;
    tensor.set_data(tensor.detach().to(at::kDouble));
  }
  return model;
}

at::Tensor some_ids(std::int64_t B, std::int64_t T) {
  return at::arange(B * T, at::kLong).mul(7).add(3).remainder(kVocabSize).view({B, T});
}

ForwardOptions in_double() {
  ForwardOptions options;
  options.compute_dtype = at::kDouble;
  return options;
}

TEST_CASE("a window as long as the sequence changes no bit") {
  const auto kind = GENERATE(from_range(position_kinds()));
  INFO(kind);
  const auto whole = make_model(kind, 0, 2), windowed = make_model(kind, kLength, 2);
  const auto ids = some_ids(2, kLength);
  CHECK(whole.features(ids, in_double()).equal(windowed.features(ids, in_double())));
}

TEST_CASE("within a window a query sees its keys, and none before") {
  const auto kind = GENERATE(from_range(position_kinds()));
  INFO(kind);
  const auto model = make_model(kind, kWindow);
  const auto ids = some_ids(1, kLength);
  const auto before = model.features(ids, in_double())[0];
  for (std::int64_t changed = 0; changed < kLength; ++changed) {
    auto others = ids.clone();
    others[0][changed] = (others[0][changed] + 1).remainder(kVocabSize);
    const auto after = model.features(others, in_double())[0];
    for (std::int64_t t = 0; t < kLength; ++t) {
      const bool is_seen = changed <= t && t - changed < kWindow;
      CHECK(before[t].equal(after[t]) != is_seen);
    }
  }
}

TEST_CASE("where distances alone count, a window is the sequence of its tokens") {
  const std::set<std::string> absolute{"sinusoidal", "learned", "fire"};
  for (const auto& kind : position_kinds()) {
    if (absolute.contains(kind)) continue;
    INFO(kind);
    const auto ids = some_ids(2, kLength);
    const auto windowed = make_model(kind, kWindow).features(ids, in_double()),
               alone = make_model(kind, 0).features(ids.narrow(1, kLength - kWindow, kWindow),
                                                    in_double());
    CHECK(difference(windowed.select(1, kLength - 1), alone.select(1, kWindow - 1), 1e-10) == "");
  }
}

TEST_CASE("every kind decodes within a window as it reads the whole sequence") {
  const auto kind = GENERATE(from_range(position_kinds()));
  INFO(kind);
  const auto model = make_model(kind, kWindow, 2);
  const auto ids = some_ids(2, kLength);
  const auto whole = model.features(ids, in_double());
  KeyValueCache cache(kLength);
  ForwardOptions options = in_double();
  options.cache = &cache;
  std::int64_t done = 0;
  for (const std::int64_t count : {3, 1, 1, 5}) {
    const auto piece = model.features(ids.narrow(1, done, count), options);
    CHECK(difference(piece, whole.narrow(1, done, count), 1e-10) == "");
    done += count;
  }
}

TEST_CASE("every kind passes the gradient check within a window") {
  const auto kind = GENERATE(from_range(position_kinds()));
  INFO(kind);
  const auto model = make_model(kind, kWindow, 2);
  const auto ids = some_ids(2, kLength - 2);
  const auto weights = random_tensor({2, kLength - 2, kDModel}, 9, at::kDouble);
  std::vector<at::Tensor> inputs;
  for (const auto& parameter : model.parameters())
    if (parameter.name.starts_with("position.") || parameter.name == "layers.0.attn.q.weight" ||
        parameter.name == "layers.1.attn.k.weight")
      inputs.push_back(parameter.tensor);
  CHECK(testing::check_gradients(
            [&] { return model.features(ids, in_double()).mul(weights).sum(); }, inputs) == "");
}

}  // namespace
}  // namespace longspan
