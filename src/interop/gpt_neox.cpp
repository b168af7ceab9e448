// GPT-NeoX in transformers' folders.

#include "interop/architecture.h"

namespace longspan::interop {
namespace {

std::string activation_of(const JsonReader& config) {
  const std::string name = config.text("hidden_act", "gelu");
  if (name == "gelu") return "gelu";
  if (name == "gelu_new" || name == "gelu_fast" || name == "gelu_pytorch_tanh") return "gelu_tanh";
  if (name == "relu") return "relu";
  config.refuse("hidden_act", "gelu, gelu_new or relu to be imported");
}

// The defaults are those of transformers' GPTNeoXConfig.
ModelShape read_gpt_neox(const JsonReader& config) {
  const Rotation rotation = read_rotation(
      config, {.base = "rotary_emb_base", .fraction = "rotary_pct", .default_fraction = 0.25});
  // Some versions write these beside their own; others do not read them.
  demand(config, "rope_theta", {rotation.base});
  demand(config, "partial_rotary_factor", {rotation.fraction});
  const auto heads = config.integer("num_attention_heads", kCounts, 64),
             d_model = config.integer("hidden_size", kSizes, 6144);
  check_heads(config, "num_attention_heads", heads, d_model);
  const ModelShape shape{.num_layers = config.integer("num_hidden_layers", kCounts, 44),
                         .d_model = d_model,
                         .num_heads = heads,
                         .num_kv_heads = heads,
                         .head_dim = d_model / heads,
                         .ffn_dim = config.integer("intermediate_size", kSizes, 24576),
                         .vocab_size = config.integer("vocab_size", kSizes, 50432),
                         .seq_len = config.integer("max_position_embeddings", kSizes, 2048),
                         .activation = activation_of(config),
                         .norm = "layernorm",
                         .norm_eps = small_number(config, "layer_norm_eps", 1e-5),
                         .bias = true,
                         .attention_bias = config.boolean("attention_bias", true),
                         .parallel_residual = config.boolean("use_parallel_residual", true),
                         .tie = config.boolean("tie_word_embeddings", false),
                         .rotation = rotation};
  rotation.check_turns(config, "rotary_pct", shape.head_dim);
  demand(config, "head_dim", {shape.head_dim});
  return shape;
}

// The keys of transformers 4 and those of 5, which each leaves alone the other's.
Json write_gpt_neox(const ModelShape& shape) {
  return {{"hidden_act", shape.activation == "gelu_tanh" ? "gelu_pytorch_tanh" : shape.activation},
          {"hidden_size", shape.d_model},
          {"intermediate_size", shape.ffn_dim},
          {"layer_norm_eps", shape.norm_eps},
          {"max_position_embeddings", shape.seq_len},
          {"num_attention_heads", shape.num_heads},
          {"num_hidden_layers", shape.num_layers},
          {"rotary_emb_base", shape.rotation->base},
          {"rotary_pct", shape.rotation->fraction},
          {"rope_parameters", shape.rotation->json()},
          {"attention_bias", shape.attention_bias},
          {"tie_word_embeddings", shape.tie},
          {"use_parallel_residual", shape.parallel_residual},
          {"vocab_size", shape.vocab_size}};
}

void demand_gpt_neox(Changes& changes) {
  changes.demand("position.kind", {"rotary"});
  changes.demand("position.interpolation", {1.0});
  changes.demand("position.window", {0});
  changes.demand("model.norm", {"layernorm"});
  changes.demand("model.bias", {true});
  changes.demand("model.activation", {"gelu", "gelu_tanh", "relu"});
  changes.demand("model.num_kv_heads", {changes.integer("model.num_heads")});
  changes.demand_plain_heads();
  changes.demand("model.clip_qkv", {0.0});
  changes.demand("model.embedding.norm", {false});
}

constexpr WeightPattern kWeights[] = {
    {"gpt_neox.layers.*.input_layernorm.weight", "layers.*.attn_norm.weight", "D"},
    {"gpt_neox.layers.*.input_layernorm.bias", "layers.*.attn_norm.bias", "D"},
    {"gpt_neox.layers.*.attention.query_key_value.weight", "layers.*.attn.#.weight", "PD",
     When::Always, Packing::Heads},
    {"gpt_neox.layers.*.attention.query_key_value.bias", "layers.*.attn.#.bias", "P",
     When::AttentionBias, Packing::Heads},
    {"gpt_neox.layers.*.attention.dense.weight", "layers.*.attn.out.weight", "DD"},
    {"gpt_neox.layers.*.attention.dense.bias", "layers.*.attn.out.bias", "D", When::AttentionBias},
    {"gpt_neox.layers.*.post_attention_layernorm.weight", "layers.*.ffn_norm.weight", "D"},
    {"gpt_neox.layers.*.post_attention_layernorm.bias", "layers.*.ffn_norm.bias", "D"},
    {"gpt_neox.layers.*.mlp.dense_h_to_4h.weight", "layers.*.ffn.fc1.weight", "FD"},
    {"gpt_neox.layers.*.mlp.dense_h_to_4h.bias", "layers.*.ffn.fc1.bias", "F"},
    {"gpt_neox.layers.*.mlp.dense_4h_to_h.weight", "layers.*.ffn.fc2.weight", "DF"},
    {"gpt_neox.layers.*.mlp.dense_4h_to_h.bias", "layers.*.ffn.fc2.bias", "D"},
    {"gpt_neox.embed_in.weight", "embed.weight", "VD"},
    {"embed_out.weight", "head.weight", "VD", When::Untied},
    {"embed_out.weight", "embed.weight", "VD", When::Tied, Packing::Single, Stored::Spare},
    {"gpt_neox.final_layer_norm.weight", "final_norm.weight", "D"},
    {"gpt_neox.final_layer_norm.bias", "final_norm.bias", "D"},
};
constexpr std::string_view kHarmless[] = {"attention_dropout", "attention_probs_dropout_prob",
                                          "classifier_dropout", "hidden_dropout",
                                          "hidden_dropout_prob"};
constexpr std::string_view kBallast[] = {"rotary_emb.inv_freq", "attention.bias",
                                         "attention.masked_bias"};

}  // namespace

const Architecture kGptNeox{"gpt_neox",     "GPTNeoXForCausalLM", "gpt_neox.", read_gpt_neox,
                            write_gpt_neox, demand_gpt_neox,      kHarmless,   kWeights,
                            kBallast};

}  // namespace longspan::interop
