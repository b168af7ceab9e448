#pragma once

#include <map>
#include <string>

#include "interop/architecture.h"
#include "longspan/checkpoint/safetensors.h"
#include "longspan/core/json.h"
#include "longspan/interop/portable_model.h"
#include "support/temporary_folder.h"
#include "support/tensors.h"

namespace longspan::testing {

/// Returns config.json of a tiny model: 8 wide, 2 heads, 1 layer, 12 ids.
inline Json tiny_config(const std::string& model_type) {
  if (model_type == "mpt")
    return {{"model_type", "mpt"}, {"d_model", 8},
            {"n_heads", 2},        {"n_layers", 1},
            {"vocab_size", 12},    {"max_seq_len", 16},
            {"no_bias", true},     {"attn_config", {{"alibi", true}}}};
  if (model_type == "bloom")
    return {{"model_type", "bloom"}, {"hidden_size", 8}, {"n_head", 2},
            {"n_layer", 1},          {"vocab_size", 12}, {"seq_length", 16}};
  Json config{{"model_type", model_type},     {"hidden_size", 8}, {"num_attention_heads", 2},
              {"num_hidden_layers", 1},       {"vocab_size", 12}, {"intermediate_size", 32},
              {"max_position_embeddings", 16}};
  if (model_type == "gpt_neox") config["rotary_pct"] = 0.5;
  return config;
}

inline bool is_tied(const Json& config) {
  const auto tie = config.find("tie_word_embeddings");
  if (tie != config.end()) return *tie == Json(true);
  return config.at("model_type") == "mpt" || config.at("model_type") == "bloom";
}

inline bool has_attention_bias(const Json& config) {
  return config.value("attention_bias", config.at("model_type") == "gpt_neox");
}

inline std::int64_t head_dim(const Json& config) {
  const auto given = config.find("head_dim");
  return given != config.end() && given->is_number_integer() ? given->get<std::int64_t>() : 4;
}

/// A folder as transformers' save_pretrained writes it.
class HuggingFaceFolder {
 public:
  explicit HuggingFaceFolder(const Json& config) {
    write_json(path() / "config.json", config);
    for (const auto* architecture : interop::kArchitectures) {
      if (config.value("model_type", "") != architecture->model_type) continue;
      NamedTensors theirs;
      for (const auto& row :
           rows_of(architecture->weights, {.num_layers = 1,
                                          .d_model = 8,
                                          .num_kv_heads = 2,
                                          .q_dim = 2 * head_dim(config),
                                          .kv_dim = 2 * head_dim(config),
                                          .ffn_dim = 32,
                                          .vocab_size = 12,
                                          .attention_bias = has_attention_bias(config),
                                          .tie = is_tied(config)})) {
        if (row.stored == interop::Stored::Spare) continue;
        std::vector<at::Tensor> ours;
        for (const auto& sizes : row.sizes) ours.push_back(random_tensor(sizes, theirs.size()));
        theirs.push_back({row.theirs, pack(row, ours)});
      }
      write_safetensors(path() / "model.safetensors", theirs, {});
    }
  }
  const std::filesystem::path& path() const { return folder_.path(); }

 private:
  TemporaryFolder folder_;
};

}  // namespace longspan::testing
