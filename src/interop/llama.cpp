// LLaMA in transformers' folders.

#include "interop/architecture.h"

namespace longspan::interop {
namespace {

// The defaults are those of transformers' LlamaConfig.
ModelShape read_llama(const JsonReader& config) {
  demand(config, "hidden_act", {"silu"});
  demand(config, "rope_interleaved", {false});
  Rotation rotation =
      read_rotation(config, {.base = "rope_theta", .fraction = "partial_rotary_factor"});
  rotation.fraction = 1.0;  // transformers turns whole heads of a LLaMA, whatever the file says
  const auto heads = config.integer("num_attention_heads", kCounts, 32),
             d_model = config.integer("hidden_size", kSizes, 4096);
  const bool has_head_dim = config.has("head_dim");
  if (!has_head_dim) check_heads(config, "num_attention_heads", heads, d_model);
  const ModelShape shape{.num_layers = config.integer("num_hidden_layers", kCounts, 32),
                         .d_model = d_model,
                         .num_heads = heads,
                         .num_kv_heads = config.integer("num_key_value_heads", kCounts, heads),
                         .head_dim = config.integer("head_dim", kCounts, d_model / heads),
                         .ffn_dim = config.integer("intermediate_size", kSizes, 11008),
                         .vocab_size = config.integer("vocab_size", kSizes, 32000),
                         .seq_len = config.integer("max_position_embeddings", kSizes, 2048),
                         .activation = "swiglu",
                         .norm = "rmsnorm",
                         .norm_eps = small_number(config, "rms_norm_eps", 1e-6),
                         .bias = config.boolean("mlp_bias", false),
                         .attention_bias = config.boolean("attention_bias", false),
                         .parallel_residual = false,
                         .tie = config.boolean("tie_word_embeddings", false),
                         .rotation = rotation};
  check_heads(config, "num_key_value_heads", shape.num_kv_heads, heads, "num_attention_heads");
  rotation.check_turns(config, has_head_dim ? "head_dim" : "num_attention_heads", shape.head_dim);
  return shape;
}

// The keys of transformers 4 and those of 5, which each leaves alone the other's.
Json write_llama(const ModelShape& shape) {
  return {{"attention_bias", shape.attention_bias},
          {"head_dim", shape.head_dim},
          {"hidden_act", "silu"},
          {"hidden_size", shape.d_model},
          {"intermediate_size", shape.ffn_dim},
          {"max_position_embeddings", shape.seq_len},
          {"mlp_bias", shape.bias},
          {"num_attention_heads", shape.num_heads},
          {"num_hidden_layers", shape.num_layers},
          {"num_key_value_heads", shape.num_kv_heads},
          {"rms_norm_eps", shape.norm_eps},
          {"rope_theta", shape.rotation->base},
          {"rope_parameters", shape.rotation->json()},
          {"tie_word_embeddings", shape.tie},
          {"vocab_size", shape.vocab_size}};
}

void demand_llama(Changes& changes) {
  changes.demand("position.kind", {"rotary"});
  changes.demand("position.fraction", {1.0});
  changes.demand("position.interpolation", {1.0});
  changes.demand("position.window", {0});
  changes.demand("model.norm", {"rmsnorm"});
  changes.demand("model.activation", {"swiglu"});
  changes.demand("model.parallel_residual", {false});
  changes.demand("model.clip_qkv", {0.0});
  changes.demand("model.embedding.norm", {false});
}

constexpr WeightPattern kWeights[] = {
    {"model.layers.*.input_layernorm.weight", "layers.*.attn_norm.weight", "D"},
    {"model.layers.*.self_attn.#_proj.weight", "layers.*.attn.#.weight", "PD"},
    {"model.layers.*.self_attn.#_proj.bias", "layers.*.attn.#.bias", "P", When::AttentionBias},
    {"model.layers.*.self_attn.o_proj.weight", "layers.*.attn.out.weight", "DQ"},
    {"model.layers.*.self_attn.o_proj.bias", "layers.*.attn.out.bias", "D", When::AttentionBias},
    {"model.layers.*.post_attention_layernorm.weight", "layers.*.ffn_norm.weight", "D"},
    {"model.layers.*.mlp.up_proj.weight", "layers.*.ffn.fc1.weight", "FD"},
    {"model.layers.*.mlp.up_proj.bias", "layers.*.ffn.fc1.bias", "F", When::Bias},
    {"model.layers.*.mlp.gate_proj.weight", "layers.*.ffn.gate.weight", "FD"},
    {"model.layers.*.mlp.gate_proj.bias", "layers.*.ffn.gate.bias", "F", When::Bias},
    {"model.layers.*.mlp.down_proj.weight", "layers.*.ffn.fc2.weight", "DF"},
    {"model.layers.*.mlp.down_proj.bias", "layers.*.ffn.fc2.bias", "D", When::Bias},
    {"model.embed_tokens.weight", "embed.weight", "VD"},
    {"lm_head.weight", "head.weight", "VD", When::Untied},
    {"lm_head.weight", "embed.weight", "VD", When::Tied, Packing::Single, Stored::Spare},
    {"model.norm.weight", "final_norm.weight", "D"},
};
constexpr std::string_view kHarmless[] = {
    "attention_dropout", "is_llama_config", "max_sequence_length",
    "pretraining_tp",    "unsloth_fixed",   "unsloth_version",
};
constexpr std::string_view kBallast[] = {"rotary_emb.inv_freq"};

}  // namespace

const Architecture kLlama{"llama",      "LlamaForCausalLM", "model.", read_llama, write_llama,
                          demand_llama, kHarmless,          kWeights, kBallast};

}  // namespace longspan::interop
