#pragma once

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "longspan/model/transformer.h"
#include "support/tensors.h"

/// Small models of every kind of layer and vocabulary.
namespace longspan::testing {

inline constexpr std::int64_t kVocabSize = 29;

inline ModelConfig small() {
  ModelConfig config;
  config.num_layers = 2;
  config.d_model = 16;
  config.num_heads = config.num_kv_heads = 4;
  config.ffn_dim = 24;
  config.init = InitScheme::Fairseq;
  return config;
}

inline ModelConfig adaptive(bool tie) {
  ModelConfig config = small();
  config.embedding = {
      .kind = EmbeddingKind::Adaptive, .tie = tie, .scale = true, .cutoffs = {7, 15}, .factor = 2};
  return config;
}

inline std::map<std::string, ModelConfig> variants() {
  std::map<std::string, ModelConfig> result{{"plain", small()},
                                            {"untied", small()},
                                            {"adaptive", adaptive(true)},
                                            {"adaptive untied", adaptive(false)},
                                            {"post", small()},
                                            {"rms swiglu", small()},
                                            {"gelu", small()},
                                            {"grouped", small()},
                                            {"parallel", small()},
                                            {"wide heads", small()},
                                            {"attention without biases", small()},
                                            {"clipped", small()},
                                            {"normed embedding", small()},
                                            {"gpt2 adaptive", adaptive(true)}};
  result["untied"].embedding.tie = false;
  result["post"].norm_placement = NormPlacement::Post;
  result["post"].final_norm = false;
  result["rms swiglu"].norm = NormKind::RmsNorm;
  result["rms swiglu"].activation = Activation::Swiglu;
  result["rms swiglu"].bias = false;
  result["gelu"].activation = Activation::Gelu;
  result["grouped"].num_kv_heads = 2;
  result["parallel"].parallel_residual = true;
  result["wide heads"].set_head_dim = 6;
  result["wide heads"].num_kv_heads = 2;
  result["attention without biases"].attention_bias = false;
  result["clipped"].clip_qkv = 0.5;
  result["normed embedding"].embedding.norm = true;
  result["gpt2 adaptive"].init = InitScheme::Gpt2;
  return result;
}

inline std::vector<std::string> variant_names() {
  std::vector<std::string> names;
  for (const auto& [name, config] : variants()) names.push_back(name);
  return names;
}

inline Transformer make(const ModelConfig& config, at::ScalarType dtype = at::kFloat) {
  Transformer model(
      config,
      make_position(AlibiOptions{}, {config.d_model, config.num_heads, config.head_dim(), 8}),
      kVocabSize);
  model.initialize(3);
  for (const auto& parameter : model.parameters()) {
    at::Tensor tensor = parameter.tensor;
    tensor.set_data(tensor.detach().to(dtype));
  }
  return model;
}

inline const at::Tensor kInputs =
    at::arange(12, at::kLong).mul(5).remainder(kVocabSize).view({2, 6});

inline at::Tensor targets() {
  auto ids = at::arange(12, at::kLong).mul(11).add(4).remainder(kVocabSize).view({2, 6}).clone();
  ids[1][5] = -1;
  return ids;
}

}  // namespace longspan::testing
