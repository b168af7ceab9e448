// MPT with ALiBi in transformers' folders, which llm-foundry writes too.

#include "interop/architecture.h"
#include "longspan/core/log.h"

namespace longspan::interop {
namespace {

// transformers makes no other, whatever expansion_ratio says.
constexpr std::int64_t kExpansion = 4;

constexpr std::string_view kAttentionHarmless[] = {
    "attn_impl", "attn_pdrop", "rope_dail_config", "rope_hf_config", "rope_impl", "rope_theta",
};

constexpr double kMaxBias = 8.0;  // of transformers, whatever alibi_bias_max says

// llm-foundry, which trains these models, takes the greatest exponent of the slopes from the file.
double read_max_bias(const JsonReader& attention) {
  const double max_bias = bounded_number(attention, "alibi_bias_max", kMaxBias, 1024.0);
  if (max_bias != kMaxBias)
    log::warn(
        "alibi_bias_max is taken as llm-foundry takes it; transformers computes with 8 whatever "
        "the file says",
        {{"alibi_bias_max", max_bias}});
  return max_bias;
}

// 0 is none there too.
double read_clip(const JsonReader& attention) {
  if (attention.number("clip_qkv", 0.0) == 0.0) return 0.0;
  return bounded_number(attention, "clip_qkv", 0.0, 1e6);
}

double read_scale(const JsonReader& attention) {
  return attention.has("softmax_scale") ? bounded_number(attention, "softmax_scale", 0.0, 1e6)
                                        : 0.0;
}

void check_attention(const JsonReader& attention, std::int64_t num_heads) {
  // Absent is true in transformers and false in llm-foundry.
  if (!attention.boolean("alibi", false)) attention.refuse("alibi", "true to be imported");
  demand(attention, "attn_type", {"multihead_attention"});
  demand(attention, "attn_uses_sequence_id", {false});
  demand(attention, "fused_qkv", {true});
  demand(attention, "kv_n_heads", {num_heads});
  demand(attention, "prefix_lm", {false});
  demand(attention, "qk_gn", {false});
  demand(attention, "qk_ln", {false});
  demand(attention, "rope", {false});
  demand(attention, "sliding_window_size", {-1});
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
  check_heads(config, "n_heads", heads, d_model);
  const JsonReader attention = config.section("attn_config");
  const ModelShape shape{
      .num_layers = config.integer("n_layers", kCounts, 24),
      .d_model = d_model,
      .num_heads = heads,
      .num_kv_heads = heads,
      .head_dim = d_model / heads,
      .ffn_dim = config.integer("expansion_ratio", {1, 1024}, 4) * d_model,
      .vocab_size = config.integer("vocab_size", kSizes, 50368),
      .seq_len = config.integer("max_seq_len", kSizes, 2048),
      .activation = "gelu",
      .norm = "layernorm",
      .norm_eps = small_number(config, "layer_norm_epsilon", 1e-5),
      .bias = false,
      .attention_bias = false,
      .parallel_residual = false,
      .tie = config.boolean("tie_word_embeddings", true),
      .clip_qkv = read_clip(attention),
      .rotation = std::nullopt,
      .alibi = {.max_bias = read_max_bias(attention), .score_scale = read_scale(attention)}};
  check_block(config, shape);
  return shape;
}

Json write_mpt(const ModelShape& shape) {
  Json attention{{"alibi", true}, {"alibi_bias_max", 8}};
  if (shape.clip_qkv > 0.0) attention["clip_qkv"] = shape.clip_qkv;
  if (shape.alibi.score_scale > 0.0) attention["softmax_scale"] = shape.alibi.score_scale;
  return {{"attn_config", attention},
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
  changes.demand("position.max_bias", {kMaxBias});
  changes.demand("model.norm", {"layernorm"});
  changes.demand("model.bias", {false});
  if (!changes.boolean("model.bias")) changes.demand("model.attention_bias", {false});
  changes.demand("model.activation", {"gelu"});
  changes.demand("model.ffn_dim", {kExpansion * changes.integer("model.d_model")});
  changes.demand("model.num_kv_heads", {changes.integer("model.num_heads")});
  changes.demand_plain_heads();
  changes.demand("model.parallel_residual", {false});
  changes.demand("model.embedding.norm", {false});
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

const Architecture kMpt{"mpt",      "MptForCausalLM", "transformer.", read_mpt, write_mpt,
                        demand_mpt, kHarmless,        kWeights,       {}};

}  // namespace longspan::interop
