// LLaMA in transformers' folders.

#include "interop/architecture.h"

namespace longspan::interop {
namespace {

ModelShape read_llama(const HuggingFaceConfig& config) {
  const bool attention_bias = config.get<bool>("attention_bias", false);
  config.demand("mlp_bias", attention_bias);
  config.demand("hidden_act", "silu");
  const auto heads = config.get<std::int64_t>("num_attention_heads");
  const ModelShape shape{.num_layers = config.get<std::int64_t>("num_hidden_layers"),
                         .d_model = config.get<std::int64_t>("hidden_size"),
                         .num_heads = heads,
                         .num_kv_heads = config.get<std::int64_t>("num_key_value_heads", heads),
                         .ffn_dim = config.get<std::int64_t>("intermediate_size"),
                         .vocab_size = config.get<std::int64_t>("vocab_size"),
                         .seq_len = config.get<std::int64_t>("max_position_embeddings"),
                         .activation = "swiglu",
                         .norm = "rmsnorm",
                         .norm_eps = config.get<double>("rms_norm_eps", 1e-6),
                         .bias = attention_bias,
                         .parallel_residual = false,
                         .tie = config.get<bool>("tie_word_embeddings", false),
                         .position = rotary_yaml(config, "rope_theta", "partial_rotary_factor")};
  check_heads(config, shape.d_model, shape.num_heads);
  config.demand("head_dim", shape.head_dim());
  return shape;
}

constexpr WeightPattern kWeights[] = {
    {"model.layers.*.input_layernorm.weight", "layers.*.attn_norm.weight", "D"},
    {"model.layers.*.self_attn.#_proj.weight", "layers.*.attn.#.weight", "PD"},
    {"model.layers.*.self_attn.#_proj.bias", "layers.*.attn.#.bias", "P", When::Bias},
    {"model.layers.*.self_attn.o_proj.weight", "layers.*.attn.out.weight", "DD"},
    {"model.layers.*.self_attn.o_proj.bias", "layers.*.attn.out.bias", "D", When::Bias},
    {"model.layers.*.post_attention_layernorm.weight", "layers.*.ffn_norm.weight", "D"},
    {"model.layers.*.mlp.up_proj.weight", "layers.*.ffn.fc1.weight", "FD"},
    {"model.layers.*.mlp.up_proj.bias", "layers.*.ffn.fc1.bias", "F", When::Bias},
    {"model.layers.*.mlp.gate_proj.weight", "layers.*.ffn.gate.weight", "FD"},
    {"model.layers.*.mlp.gate_proj.bias", "layers.*.ffn.gate.bias", "F", When::Bias},
    {"model.layers.*.mlp.down_proj.weight", "layers.*.ffn.fc2.weight", "DF"},
    {"model.layers.*.mlp.down_proj.bias", "layers.*.ffn.fc2.bias", "D", When::Bias},
    {"model.embed_tokens.weight", "embed.weight", "VD"},
    {"lm_head.weight", "head.weight", "VD", When::Untied},
    {"model.norm.weight", "final_norm.weight", "D"},
};
constexpr std::string_view kBallast[] = {"rotary_emb.inv_freq"};

}  // namespace

const Architecture kLlama{"llama", read_llama, kWeights, kBallast};

}  // namespace longspan::interop
