#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "interop/changes.h"
#include "interop/huggingface_config.h"
#include "interop/weight_table.h"

namespace longspan::interop {

/// ALiBi's numbers, as in the position section.
struct AlibiShape {
  double max_bias = 8.0, score_scale = 0.0;

  std::string yaml() const;
};

/// What the architectures of transformers' folders have, in our terms.
struct ModelShape {
  std::int64_t num_layers, d_model, num_heads, num_kv_heads, head_dim, ffn_dim, vocab_size, seq_len;
  std::string activation, norm;
  double norm_eps;
  bool bias, attention_bias, parallel_residual, tie;
  bool embedding_norm = false;
  double clip_qkv = 0.0;             ///< 0: no bound
  std::optional<Rotation> rotation;  ///< of the heads; nothing: ALiBi
  AlibiShape alibi = {};

  WeightDimensions weight_dimensions() const;
};

/// One architecture. To add one: a file that defines it, and its line in kArchitectures.
struct Architecture {
  std::string_view model_type;
  std::string_view class_name;  ///< transformers' class of the model with its head
  std::string_view prefix;      ///< of tensors that the class without its head has, without it
  ModelShape (*read)(const JsonReader& config);
  /// Returns what of config.json `read` and transformers read, but for model_type.
  Json (*write)(const ModelShape& shape);
  /// Notes what would have to change in one of our models, besides what no architecture has.
  void (*demand)(Changes& changes);
  /// Keys of config.json that `read` leaves alone, since they do not change what a model computes.
  std::span<const std::string_view> harmless;
  std::span<const WeightPattern> weights;
  /// Endings of tensors that are passed over since they can be computed again: rotation tables,
  /// masks.
  std::span<const std::string_view> ballast;
};

extern const Architecture kBloom, kGptNeox, kLlama, kMpt;
inline constexpr const Architecture* kArchitectures[] = {&kMpt, &kBloom, &kLlama, &kGptNeox};

}  // namespace longspan::interop
