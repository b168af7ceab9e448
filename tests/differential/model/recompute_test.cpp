// Activation checkpointing against keeping everything: the same bits, for every position method.

#include <string>
#include <utility>
#include <vector>

#include "longspan/model/transformer.h"
#include "support/tensors.h"

namespace longspan {
namespace {

constexpr std::int64_t kVocabSize = 23, kSeqLen = 9;

Transformer make_model(const std::string& kind) {
  ModelConfig config;
  config.num_layers = 3;
  config.d_model = 12;
  config.num_heads = config.num_kv_heads = 3;
  config.ffn_dim = 20;
  config.dropout = {0.1, 0.2, 0.1, 0.2, 0.1, 0.0};
  Transformer model(
      config, make_position(default_position_options(kind), {12, 3, config.head_dim(), kSeqLen}),
      kVocabSize);
  model.initialize(5);
  return model;
}

// Returns the loss and then every gradient; an undefined tensor where there is none.
std::vector<at::Tensor> loss_and_gradients(const Transformer& model, bool checkpointing) {
  const auto ids = at::arange(2 * kSeqLen + 1, at::kLong).mul(7).add(3).remainder(kVocabSize);
  const auto inputs = ids.narrow(0, 0, 2 * kSeqLen).view({2, kSeqLen}),
             targets = ids.narrow(0, 1, 2 * kSeqLen).view({2, kSeqLen});
  const TrainingRandomness randomness{1, 2, at::tensor({30, 31}, at::kLong)};
  ForwardOptions options;
  options.randomness = &randomness;
  options.activation_checkpointing = checkpointing;
  const auto loss = model.loss_sum(model.features(inputs, options), targets, options);
  loss.backward();
  std::vector<at::Tensor> result{loss.detach()};
  for (const auto& parameter : model.parameters()) {
    result.push_back(parameter.tensor.grad());
    parameter.tensor.mutable_grad().reset();
  }
  return result;
}

TEST_CASE("activation checkpointing changes no bit of the loss or of a gradient") {
  const auto kind = GENERATE(from_range(position_kinds()));
  const auto model = make_model(kind);
  const auto kept = loss_and_gradients(model, false), recomputed = loss_and_gradients(model, true);
  REQUIRE(kept.size() == recomputed.size());
  for (std::size_t i = 0; i < kept.size(); ++i) {
    INFO(kind << ", " << (i == 0 ? "the loss" : model.parameters()[i - 1].name));
    REQUIRE(kept[i].defined());
    REQUIRE(recomputed[i].defined());
    CHECK(kept[i].equal(recomputed[i]));
  }
}

}  // namespace
}  // namespace longspan
