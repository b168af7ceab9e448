// MPT with ALiBi in transformers' folders, which llm-foundry writes too.

#include "interop/architecture.h"

namespace longspan::interop {
namespace {

void check_attention(const HuggingFaceConfig& config) {
  const Json attention = config.section("attn_config");
  config.demand(attention, "alibi", true);
  config.demand(attention, "alibi_bias_max", 8);
  config.demand(attention, "attn_type", "multihead_attention");
  config.demand(attention, "clip_qkv", nullptr);
  config.demand(attention, "prefix_lm", false);
  config.demand(attention, "qk_ln", false);
  config.demand(attention, "softmax_scale", nullptr);
  if (!attention.value("alibi", false))
    config.refuse("attn_config.alibi must be true to be imported, got none");
}

ModelShape read_mpt(const HuggingFaceConfig& config) {
  check_attention(config);
  config.demand("logit_scale", nullptr);
  config.demand("no_bias", true);
  config.demand("embedding_fraction", 1.0);
  const auto heads = config.get<std::int64_t>("n_heads"),
             d_model = config.get<std::int64_t>("d_model");
  const ModelShape shape{.num_layers = config.get<std::int64_t>("n_layers"),
                         .d_model = d_model,
                         .num_heads = heads,
                         .num_kv_heads = heads,
                         .ffn_dim = config.get<std::int64_t>("expansion_ratio", 4) * d_model,
                         .vocab_size = config.get<std::int64_t>("vocab_size"),
                         .seq_len = config.get<std::int64_t>("max_seq_len"),
                         .activation = "gelu",
                         .norm = "layernorm",
                         .norm_eps = config.get<double>("layer_norm_epsilon", 1e-5),
                         .bias = false,
                         .parallel_residual = false,
                         .tie = config.get<bool>("tie_word_embeddings", true),
                         .position = "{kind: alibi}"};
  check_heads(config, shape.d_model, shape.num_heads);
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
