#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "longspan/config/reader.h"
#include "longspan/kernels/activation_kind.h"

namespace longspan {

enum class EmbeddingKind { Plain, Adaptive };
enum class NormKind { LayerNorm, RmsNorm };
enum class NormPlacement { Pre, Post };
/// Whose start values; From reads them from a file.
enum class InitScheme { Fairseq, Gpt2, From };
enum class Dialect { None, Fairseq };

/// The token embedding and the output head, which share their matrices when tied.
struct EmbeddingConfig {
  EmbeddingKind kind = EmbeddingKind::Plain;
  bool tie = true;    ///< the head uses the embedding's matrices (adaptive: and projections)
  bool scale = true;  ///< multiply embeddings by sqrt(d_model)
  bool norm = false;  ///< normalise them, before a position signal (BLOOM)
  std::vector<std::int64_t> cutoffs;  ///< adaptive: first id of each band but the first
  std::int64_t factor = 4;            ///< adaptive: each band is narrower by this
};

/// Probabilities of dropping, each in [0, 1).
struct DropoutConfig {
  double embedding = 0.0;   ///< after embedding and position signal
  double residual = 0.0;    ///< output of each sublayer, before it is added
  double attention = 0.0;   ///< attention probabilities
  double activation = 0.0;  ///< inside the feed-forward layer
  double head = 0.0;        ///< input of the output head
  double tail = 0.0;        ///< adaptive: inside each tail
};

/// The transformer's shape (arXiv:2108.12409, section 3 and its fairseq code).
struct ModelConfig {
  std::int64_t num_layers = 0;
  std::int64_t d_model = 0;
  std::int64_t num_heads = 0;
  std::int64_t num_kv_heads = 0;
  std::int64_t set_head_dim = 0;  ///< the key head_dim; 0: d_model / num_heads
  std::int64_t ffn_dim = 0;
  Activation activation = Activation::Relu;
  NormKind norm = NormKind::LayerNorm;
  double norm_eps = 1e-5;
  NormPlacement norm_placement = NormPlacement::Pre;
  bool final_norm = true;
  /// Both sublayers read the layer's input and are added to it together (GPT-J, GPT-NeoX); pre-norm
  /// only.
  bool parallel_residual = false;
  bool bias = true;
  std::optional<bool> attention_bias;  ///< of q, k, v and the output; nothing: as `bias`
  double clip_qkv = 0.0;  ///< queries, keys and values lie within it (MPT); 0: no bound
  InitScheme init = InitScheme::Gpt2;
  /// Fairseq follows what the paper's code does by accident: row 1 of every
  /// embedding starts at zero (init: fairseq), and the training loss leaves out the tail's part of
  /// a target whose number within its band is 1.
  Dialect dialect = Dialect::None;
  std::string init_from;  ///< a run, a checkpoint folder or a .safetensors file, of init From
  EmbeddingConfig embedding;
  DropoutConfig dropout;

  std::int64_t head_dim() const { return set_head_dim > 0 ? set_head_dim : d_model / num_heads; }
  /// Returns the width of all heads together: d_model, unless head_dim is set.
  std::int64_t heads_dim() const { return num_heads * head_dim(); }
  bool has_attention_bias() const { return attention_bias.value_or(bias); }
};

/// Reads the model section. @throws Error(Config)
ModelConfig read_model_config(const config::Reader& reader);

}  // namespace longspan
