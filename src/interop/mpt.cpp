// MPT with ALiBi in transformers' folders, which llm-foundry writes too.

#include "interop/architecture.h"

namespace longspan::interop {
namespace {

void check_attention(const JsonReader& config) {
  const JsonReader attention = config.section("attn_config");
  if (!attention.boolean("alibi", false)) attention.refuse("alibi", "true to be imported");
  demand(attention, "alibi_bias_max", {8});
  demand(attention, "attn_type", {"multihead_attention"});
  demand(attention, "clip_qkv", {});
  demand(attention, "prefix_lm", {false});
  demand(attention, "qk_ln", {false});
  demand(attention, "softmax_scale", {});
}

ModelShape read_mpt(const JsonReader& config) {
  check_attention(config);
  demand(config, "logit_scale", {});
  demand(config, "no_bias", {true});
  demand(config, "embedding_fraction", {1.0});
  const auto heads = config.integer("n_heads", kCounts),
             d_model = config.integer("d_model", kSizes);
  const ModelShape shape{.num_layers = config.integer("n_layers", kCounts),
                         .d_model = d_model,
                         .num_heads = heads,
                         .num_kv_heads = heads,
                         .ffn_dim = config.integer("expansion_ratio", {1, 1024}, 4) * d_model,
                         .vocab_size = config.integer("vocab_size", kSizes),
                         .seq_len = config.integer("max_seq_len", kSizes),
                         .activation = "gelu",
                         .norm = "layernorm",
                         .norm_eps = config.number("layer_norm_epsilon", 1e-5),
                         .bias = false,
                         .parallel_residual = false,
                         .tie = config.boolean("tie_word_embeddings", true),
                         .position = "{kind: alibi}"};
  check_heads(config, "n_heads", shape.d_model);
  return shape;
}

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
    {"transformer.norm_f.weight", "final_norm.weight", "D"},
};

}  // namespace

const Architecture kMpt{"mpt", read_mpt, kWeights, {}};

}  // namespace longspan::interop
