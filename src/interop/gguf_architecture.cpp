// The architectures of llama.cpp: keys and tensors by its names.

#include "interop/gguf_architecture.h"

#include <algorithm>

namespace longspan::interop {
namespace {

void demand_nothing(Changes&) {}

void demand_mpt(Changes& changes) { changes.demand("position.score_scale", {0.0}); }

void add_rotation(const ModelShape& shape, std::string_view name, GgufFile& file) {
  const std::string prefix = std::string(name) + ".rope.";
  file.add_number(prefix + "freq_base", shape.rotation->base);
  file.add_count(
      prefix + "dimension_count",
      static_cast<std::int64_t>(shape.rotation->fraction * static_cast<double>(shape.head_dim)));
}

void add_llama(const ModelShape& shape, GgufFile& file) {
  file.add_count("llama.attention.head_count_kv", shape.num_kv_heads);
  file.add_count("llama.attention.key_length", shape.head_dim);
  file.add_count("llama.attention.value_length", shape.head_dim);
  file.add_number("llama.attention.layer_norm_rms_epsilon", shape.norm_eps);
  add_rotation(shape, "llama", file);
}

// llama.cpp has gelu alone there.
void demand_gpt_neox(Changes& changes) {
  changes.demand("model.activation", {"gelu_tanh", "gelu"});
  changes.demand("model.attention_bias", {true});
}

void add_gpt_neox(const ModelShape& shape, GgufFile& file) {
  file.add_number("gptneox.attention.layer_norm_epsilon", shape.norm_eps);
  file.add_truth("gptneox.use_parallel_residual", shape.parallel_residual);
  add_rotation(shape, "gptneox", file);
}

void add_mpt(const ModelShape& shape, GgufFile& file) {
  file.add_number("mpt.attention.layer_norm_epsilon", shape.norm_eps);
  file.add_number("mpt.attention.max_alibi_bias", shape.alibi.max_bias);
  if (shape.clip_qkv > 0.0) file.add_number("mpt.attention.clamp_kqv", shape.clip_qkv);
}

void add_bloom(const ModelShape& shape, GgufFile& file) {
  file.add_number("bloom.attention.layer_norm_epsilon", shape.norm_eps);
}

constexpr WeightPattern kLlamaWeights[] = {
    {"token_embd.weight", "embed.weight", "VD"},
    {"blk.*.attn_norm.weight", "layers.*.attn_norm.weight", "D"},
    {"blk.*.attn_#.weight", "layers.*.attn.#.weight", "PD"},
    {"blk.*.attn_#.bias", "layers.*.attn.#.bias", "P", When::AttentionBias},
    {"blk.*.attn_output.weight", "layers.*.attn.out.weight", "DQ"},
    {"blk.*.attn_output.bias", "layers.*.attn.out.bias", "D", When::AttentionBias},
    {"blk.*.ffn_norm.weight", "layers.*.ffn_norm.weight", "D"},
    {"blk.*.ffn_up.weight", "layers.*.ffn.fc1.weight", "FD"},
    {"blk.*.ffn_up.bias", "layers.*.ffn.fc1.bias", "F", When::Bias},
    {"blk.*.ffn_gate.weight", "layers.*.ffn.gate.weight", "FD"},
    {"blk.*.ffn_gate.bias", "layers.*.ffn.gate.bias", "F", When::Bias},
    {"blk.*.ffn_down.weight", "layers.*.ffn.fc2.weight", "DF"},
    {"blk.*.ffn_down.bias", "layers.*.ffn.fc2.bias", "D", When::Bias},
    {"output_norm.weight", "final_norm.weight", "D"},
    {"output.weight", "head.weight", "VD", When::Untied},
};

// A tied head is there a second time: llama.cpp asks for it.
constexpr WeightPattern kGptNeoxWeights[] = {
    {"token_embd.weight", "embed.weight", "VD"},
    {"blk.*.attn_norm.weight", "layers.*.attn_norm.weight", "D"},
    {"blk.*.attn_norm.bias", "layers.*.attn_norm.bias", "D"},
    {"blk.*.attn_qkv.weight", "layers.*.attn.#.weight", "PD", When::Always, Packing::Blocks},
    {"blk.*.attn_qkv.bias", "layers.*.attn.#.bias", "P", When::Always, Packing::Blocks},
    {"blk.*.attn_output.weight", "layers.*.attn.out.weight", "DD"},
    {"blk.*.attn_output.bias", "layers.*.attn.out.bias", "D"},
    {"blk.*.ffn_norm.weight", "layers.*.ffn_norm.weight", "D"},
    {"blk.*.ffn_norm.bias", "layers.*.ffn_norm.bias", "D"},
    {"blk.*.ffn_up.weight", "layers.*.ffn.fc1.weight", "FD"},
    {"blk.*.ffn_up.bias", "layers.*.ffn.fc1.bias", "F"},
    {"blk.*.ffn_down.weight", "layers.*.ffn.fc2.weight", "DF"},
    {"blk.*.ffn_down.bias", "layers.*.ffn.fc2.bias", "D"},
    {"output_norm.weight", "final_norm.weight", "D"},
    {"output_norm.bias", "final_norm.bias", "D"},
    {"output.weight", "head.weight", "VD", When::Untied},
    {"output.weight", "embed.weight", "VD", When::Tied},
};

constexpr WeightPattern kMptWeights[] = {
    {"token_embd.weight", "embed.weight", "VD"},
    {"blk.*.attn_norm.weight", "layers.*.attn_norm.weight", "D"},
    {"blk.*.attn_qkv.weight", "layers.*.attn.#.weight", "PD", When::Always, Packing::Blocks},
    {"blk.*.attn_output.weight", "layers.*.attn.out.weight", "DD"},
    {"blk.*.ffn_norm.weight", "layers.*.ffn_norm.weight", "D"},
    {"blk.*.ffn_up.weight", "layers.*.ffn.fc1.weight", "FD"},
    {"blk.*.ffn_down.weight", "layers.*.ffn.fc2.weight", "DF"},
    {"output_norm.weight", "final_norm.weight", "D"},
    {"output.weight", "head.weight", "VD", When::Untied},
};

constexpr WeightPattern kBloomWeights[] = {
    {"token_embd.weight", "embed.weight", "VD"},
    {"token_embd_norm.weight", "embed_norm.weight", "D"},
    {"token_embd_norm.bias", "embed_norm.bias", "D"},
    {"blk.*.attn_norm.weight", "layers.*.attn_norm.weight", "D"},
    {"blk.*.attn_norm.bias", "layers.*.attn_norm.bias", "D"},
    {"blk.*.attn_qkv.weight", "layers.*.attn.#.weight", "PD", When::Always, Packing::Blocks},
    {"blk.*.attn_qkv.bias", "layers.*.attn.#.bias", "P", When::Always, Packing::Blocks},
    {"blk.*.attn_output.weight", "layers.*.attn.out.weight", "DD"},
    {"blk.*.attn_output.bias", "layers.*.attn.out.bias", "D"},
    {"blk.*.ffn_norm.weight", "layers.*.ffn_norm.weight", "D"},
    {"blk.*.ffn_norm.bias", "layers.*.ffn_norm.bias", "D"},
    {"blk.*.ffn_up.weight", "layers.*.ffn.fc1.weight", "FD"},
    {"blk.*.ffn_up.bias", "layers.*.ffn.fc1.bias", "F"},
    {"blk.*.ffn_down.weight", "layers.*.ffn.fc2.weight", "DF"},
    {"blk.*.ffn_down.bias", "layers.*.ffn.fc2.bias", "D"},
    {"output_norm.weight", "final_norm.weight", "D"},
    {"output_norm.bias", "final_norm.bias", "D"},
    {"output.weight", "head.weight", "VD", When::Untied},
};

constexpr GgufArchitecture kGgufArchitectures[] = {
    {&kBloom, "bloom", demand_nothing, add_bloom, kBloomWeights, false},
    {&kMpt, "mpt", demand_mpt, add_mpt, kMptWeights, false},
    {&kLlama, "llama", demand_nothing, add_llama, kLlamaWeights, true},
    {&kGptNeox, "gptneox", demand_gpt_neox, add_gpt_neox, kGptNeoxWeights, false}};

}  // namespace

const GgufArchitecture* gguf_architecture_of(const Architecture& architecture) {
  for (const GgufArchitecture& candidate : kGgufArchitectures)
    if (candidate.architecture == &architecture) return &candidate;
  return nullptr;
}

}  // namespace longspan::interop
