#pragma once

#include <ATen/core/grad_mode.h>

#include <string>

#include "longspan/core/error.h"
#include "longspan/interop/portable_model.h"
#include "longspan/model/transformer.h"
#include "support/tensors.h"

namespace longspan::testing {

/// A model of ours with random weights, trained at length 16.
class OurModel {
 public:
  /// @param config the sections model and position
  OurModel(const std::string& config, std::int64_t vocab_size)
      : OurModel(config::Document::from_text(config, "our.yaml"), vocab_size) {
    const at::NoGradGuard no_gradient;
    std::uint64_t seed = 1;
    for (const auto& parameter : model_.parameters())
      parameter.tensor.copy_(random_tensor(parameter.tensor.sizes(), seed++));
  }
  explicit OurModel(const PortableModel& model) : OurModel(model.config_yaml, model.vocab_size) {
    model_.load_parameters(model.parameters);
  }

  const Transformer& model() const { return model_; }
  PortableModel portable() const {
    return {resolved_, model_.parameters(), model_.vocab_size(), 16};
  }
  /// Returns log p of every id at every place of a batch of sequences.
  at::Tensor log_probabilities(const at::Tensor& ids_BT) const {
    const at::NoGradGuard no_gradient;
    return model_.log_probabilities(model_.features(ids_BT, {}).flatten(0, 1));
  }

 private:
  OurModel(const config::Document& document, std::int64_t vocab_size)
      : model_(made(document, vocab_size)), resolved_(document.resolved()) {}
  static Transformer made(const config::Document& document, std::int64_t vocab_size) {
    const ModelConfig config = read_model_config(document.root().section("model"));
    const PositionConfig position = read_position_config(document.root().section("position"));
    return {
        config,
        position.make({config.d_model, config.num_heads, config.head_dim(), 16, config.num_layers}),
        vocab_size};
  }

  Transformer model_;
  std::string resolved_;
};

/// A configuration that an architecture has: 2 layers, 24 wide, 6 heads.
/// @param more model keys, each with ", " in front; a later one takes the place of an earlier
struct Shape {
  std::string model_type, model, embedding = "{kind: plain, tie: true, scale: false}", position;

  std::string yaml() const {
    return "model: {num_layers: 2, d_model: 24, num_heads: 6, " + model +
           ", embedding: " + embedding + "}\nposition: " + position + "\n";
  }
};

inline const std::string kUntied = "{kind: plain, tie: false, scale: false}";

inline Shape mpt_shape() {
  return {.model_type = "mpt",
          .model = "ffn_dim: 96, activation: gelu, bias: false, norm_eps: 2.0e-5",
          .position = "{kind: alibi}"};
}
inline Shape bloom_shape() {
  return {.model_type = "bloom",
          .model = "ffn_dim: 96, activation: gelu_tanh",
          .embedding = "{kind: plain, tie: true, scale: false, norm: true}",
          .position = "{kind: alibi}"};
}
inline Shape llama_shape() {
  return {.model_type = "llama",
          .model = "num_kv_heads: 2, ffn_dim: 40, activation: swiglu, norm: rmsnorm, bias: false",
          .position = "{kind: rotary, pairing: half_split, base: 50000.0}"};
}
inline Shape gpt_neox_shape() {
  return {.model_type = "gpt_neox",
          .model = "ffn_dim: 40, activation: gelu, parallel_residual: true",
          .position = "{kind: rotary, pairing: half_split, fraction: 0.5}"};
}

}  // namespace longspan::testing
