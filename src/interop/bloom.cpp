// BLOOM in transformers' folders: ALiBi, and a norm behind the embedding.

#include "interop/architecture.h"

namespace longspan::interop {
namespace {

constexpr std::int64_t kExpansion = 4;  // BLOOM has no other

// Returns a size that has two names, which must not differ.
std::int64_t size_of(const JsonReader& config, const std::string& key, const std::string& alias,
                     JsonIntegerRange range, std::int64_t fallback) {
  const auto size = config.integer(alias, range, config.integer(key, range, fallback));
  demand(config, key, {size});
  return size;
}

// The defaults are those of transformers' BloomConfig; seq_length is one of the trained models'.
ModelShape read_bloom(const JsonReader& config) {
  const auto heads = size_of(config, "n_head", "num_attention_heads", kCounts, 8),
             d_model = size_of(config, "hidden_size", "n_embed", kSizes, 64);
  check_heads(config, config.has("num_attention_heads") ? "num_attention_heads" : "n_head", heads,
              d_model);
  demand(config, "apply_residual_connection_post_layernorm", {false});
  demand(config, "n_inner", {kExpansion * d_model});
  return {.num_layers = size_of(config, "n_layer", "num_hidden_layers", kCounts, 2),
          .d_model = d_model,
          .num_heads = heads,
          .num_kv_heads = heads,
          .head_dim = d_model / heads,
          .ffn_dim = kExpansion * d_model,
          .vocab_size = config.integer("vocab_size", kSizes, 250880),
          .seq_len = config.integer("seq_length", kSizes, 2048),
          .activation = "gelu_tanh",
          .norm = "layernorm",
          .norm_eps = small_number(config, "layer_norm_epsilon", 1e-5),
          .bias = true,
          .attention_bias = true,
          .parallel_residual = false,
          .tie = config.boolean("tie_word_embeddings", true),
          .embedding_norm = true,
          .rotation = std::nullopt};
}

Json write_bloom(const ModelShape& shape) {
  return {{"apply_residual_connection_post_layernorm", false},
          {"hidden_size", shape.d_model},
          {"layer_norm_epsilon", shape.norm_eps},
          {"n_head", shape.num_heads},
          {"n_layer", shape.num_layers},
          {"seq_length", shape.seq_len},
          {"tie_word_embeddings", shape.tie},
          {"vocab_size", shape.vocab_size}};
}

void demand_bloom(Changes& changes) {
  changes.demand("position.kind", {"alibi"});
  changes.demand("position.interpolation", {1.0});
  changes.demand("position.window", {0});
  changes.demand("position.max_bias", {8.0});
  changes.demand("position.score_scale", {0.0});
  changes.demand("model.norm", {"layernorm"});
  changes.demand("model.bias", {true});
  if (changes.boolean("model.bias")) changes.demand("model.attention_bias", {true});
  changes.demand("model.activation", {"gelu_tanh"});
  changes.demand("model.ffn_dim", {kExpansion * changes.integer("model.d_model")});
  changes.demand("model.num_kv_heads", {changes.integer("model.num_heads")});
  changes.demand_plain_heads();
  changes.demand("model.clip_qkv", {0.0});
  changes.demand("model.parallel_residual", {false});
  changes.demand("model.embedding.norm", {true});
}

constexpr WeightPattern kWeights[] = {
    {"transformer.word_embeddings.weight", "embed.weight", "VD"},
    {"transformer.word_embeddings_layernorm.weight", "embed_norm.weight", "D"},
    {"transformer.word_embeddings_layernorm.bias", "embed_norm.bias", "D"},
    {"transformer.h.*.input_layernorm.weight", "layers.*.attn_norm.weight", "D"},
    {"transformer.h.*.input_layernorm.bias", "layers.*.attn_norm.bias", "D"},
    {"transformer.h.*.self_attention.query_key_value.weight", "layers.*.attn.#.weight", "PD",
     When::Always, Packing::Heads},
    {"transformer.h.*.self_attention.query_key_value.bias", "layers.*.attn.#.bias", "P",
     When::Always, Packing::Heads},
    {"transformer.h.*.self_attention.dense.weight", "layers.*.attn.out.weight", "DD"},
    {"transformer.h.*.self_attention.dense.bias", "layers.*.attn.out.bias", "D"},
    {"transformer.h.*.post_attention_layernorm.weight", "layers.*.ffn_norm.weight", "D"},
    {"transformer.h.*.post_attention_layernorm.bias", "layers.*.ffn_norm.bias", "D"},
    {"transformer.h.*.mlp.dense_h_to_4h.weight", "layers.*.ffn.fc1.weight", "FD"},
    {"transformer.h.*.mlp.dense_h_to_4h.bias", "layers.*.ffn.fc1.bias", "F"},
    {"transformer.h.*.mlp.dense_4h_to_h.weight", "layers.*.ffn.fc2.weight", "DF"},
    {"transformer.h.*.mlp.dense_4h_to_h.bias", "layers.*.ffn.fc2.bias", "D"},
    {"transformer.ln_f.weight", "final_norm.weight", "D"},
    {"transformer.ln_f.bias", "final_norm.bias", "D"},
    {"lm_head.weight", "head.weight", "VD", When::Untied},
    {"lm_head.weight", "embed.weight", "VD", When::Tied, Packing::Single, Stored::Spare},
};

// What Megatron's training reads, and how products are split, which changes rounding alone.
constexpr std::string_view kHarmless[] = {
    "attention_dropout",     "attention_softmax_in_fp32",
    "bias_dropout_fusion",   "hidden_dropout",
    "masked_softmax_fusion", "offset_alibi",
    "pretraining_tp",        "skip_bias_add",
    "skip_bias_add_qkv",     "slow_but_exact",
};

}  // namespace

const Architecture kBloom{"bloom",      "BloomForCausalLM", "transformer.", read_bloom, write_bloom,
                          demand_bloom, kHarmless,          kWeights,       {}};

}  // namespace longspan::interop
