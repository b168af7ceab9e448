// MPT with ALiBi in transformers' folders, which llm-foundry writes too.

#include "interop/architecture.h"

namespace longspan::interop {
namespace {

// transformers makes no other, whatever expansion_ratio says.
constexpr std::int64_t kExpansion = 4;

constexpr std::string_view kAttentionHarmless[] = {
    "attn_impl", "attn_pdrop", "rope_dail_config", "rope_hf_config", "rope_impl", "rope_theta",
};

void check_attention(const JsonReader& attention, std::int64_t num_heads) {
  // Absent is true in transformers and false in llm-foundry.
  if (!attention.boolean("alibi", false)) attention.refuse("alibi", "true to be imported");
  demand(attention, "alibi_bias_max", {8});
  demand(attention, "attn_type", {"multihead_attention"});
  demand(attention, "attn_uses_sequence_id", {false});
  demand(attention, "clip_qkv", {});
  demand(attention, "fused_qkv", {true});
  demand(attention, "kv_n_heads", {num_heads});
  demand(attention, "prefix_lm", {false});
  demand(attention, "qk_gn", {false});
  demand(attention, "qk_ln", {false});
  demand(attention, "rope", {false});
  demand(attention, "sliding_window_size", {-1});
  demand(attention, "softmax_scale", {});
  refuse_unknown(attention, kAttentionHarmless);
}

void check_linear(const JsonReader& config) {
  demand(config, "fc_type", {"torch", Json{{"name", "torch"}}});
}

void check_inner(const JsonReader& inner, std::int64_t ffn_dim) {
  demand(inner, "ffn_type", {"mptmlp"});
  demand(inner, "ffn_hidden_size", {ffn_dim});
  check_linear(inner);
  const JsonReader activation = inner.section("ffn_act_fn");
  demand(activation, "name", {"gelu"});
  demand(activation, "approximate", {"none"});
  refuse_unknown(activation, {});
  refuse_unknown(inner, {});
}

void check_block(const JsonReader& config, const ModelShape& shape) {
  check_attention(config.section("attn_config"), shape.num_heads);
  check_inner(config.section("ffn_config"), shape.ffn_dim);
  check_linear(config);
  demand(config, "norm_type", {"low_precision_layernorm", "layernorm"});
  demand(config, "norm_eps", {shape.norm_eps});
  demand(config, "logit_scale", {});
  demand(config, "no_bias", {true});
  demand(config, "embedding_fraction", {1.0});
}

// The defaults are those of transformers' MptConfig.
ModelShape read_mpt(const JsonReader& config) {
  const auto heads = config.integer("n_heads", kCounts, 16),
             d_model = config.integer("d_model", kSizes, 2048);
  const ModelShape shape{.num_layers = config.integer("n_layers", kCounts, 24),
                         .d_model = d_model,
                         .num_heads = heads,
                         .num_kv_heads = heads,
                         .ffn_dim = config.integer("expansion_ratio", {1, 1024}, 4) * d_model,
                         .vocab_size = config.integer("vocab_size", kSizes, 50368),
                         .seq_len = config.integer("max_seq_len", kSizes, 2048),
                         .activation = "gelu",
                         .norm = "layernorm",
                         .norm_eps = small_number(config, "layer_norm_epsilon", 1e-5),
                         .bias = false,
                         .parallel_residual = false,
                         .tie = config.boolean("tie_word_embeddings", true),
                         .rotation = std::nullopt};
  check_heads(config, "n_heads", heads, shape.d_model);
  check_block(config, shape);
  return shape;
}

Json write_mpt(const ModelShape& shape) {
  return {{"attn_config", {{"alibi", true}, {"alibi_bias_max", 8}}},
          {"d_model", shape.d_model},
          {"expansion_ratio", kExpansion},
          {"layer_norm_epsilon", shape.norm_eps},
          {"max_seq_len", shape.seq_len},
          {"n_heads", shape.num_heads},
          {"n_layers", shape.num_layers},
          {"no_bias", true},
          {"norm_type", "low_precision_layernorm"},
          {"tie_word_embeddings", shape.tie},
          {"vocab_size", shape.vocab_size}};
}

void demand_mpt(Changes& changes) {
  changes.demand("position.kind", {"alibi"});
  changes.demand("position.interpolation", {1.0});
  changes.demand("position.window", {0});
  changes.demand("model.norm", {"layernorm"});
  changes.demand("model.bias", {false});
  changes.demand("model.activation", {"gelu"});
  changes.demand("model.ffn_dim", {kExpansion * changes.integer("model.d_model")});
  changes.demand("model.num_kv_heads", {changes.integer("model.num_heads")});
  changes.demand("model.parallel_residual", {false});
}

// learned_pos_emb has no effect beside ALiBi: its tensor would be refused.
constexpr std::string_view kHarmless[] = {
    "emb_pdrop",   "init_config",    "init_device",        "learned_pos_emb",
    "resid_pdrop", "tokenizer_name", "use_pad_tok_in_ffn", "verbose",
};

constexpr WeightPattern kWeights[] = {
    {"transformer.blocks.*.norm_1.weight", "layers.*.attn_norm.weight", "D"},
    {"transformer.blocks.*.attn.Wqkv.weight", "layers.*.attn.#.weight", "PD", When::Always,
     Packing::Blocks},
    {"transformer.blocks.*.attn.out_proj.weight", "layers.*.attn.out.weight", "DD"},
    {"transformer.blocks.*.norm_2.weight", "layers.*.ffn_norm.weight", "D"},
    {"transformer.blocks.*.ffn.up_proj.weight", "layers.*.ffn.fc1.weight", "FD"},
    {"transformer.blocks.*.ffn.down_proj.weight", "layers.*.ffn.fc2.weight", "DF"},
    {"transformer.wte.weight", "embed.weight", "VD"},
    {"lm_head.weight", "head.weight", "VD", When::Untied},
    {"lm_head.weight", "embed.weight", "VD", When::Tied, Packing::Single, Stored::Spare},
    {"transformer.norm_f.weight", "final_norm.weight", "D"},
};

}  // namespace

const Architecture kMpt{"mpt",      "MptForCausalLM", read_mpt, write_mpt,
                        demand_mpt, kHarmless,        kWeights, {}};

}  // namespace longspan::interop
