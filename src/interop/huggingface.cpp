// Folders of transformers' save_pretrained. Each architecture has a file with the function that
// reads its config.json, refusing by name what we cannot have, and the table of its tensors.

#include <string>

#include "interop/architecture.h"
#include "interop/folder_file.h"
#include "interop/folder_tensors.h"
#include "longspan/core/error.h"
#include "longspan/interop/portable_model.h"

namespace longspan {
namespace interop {
namespace {

std::string own_head_dim(const ModelShape& shape) {
  if (shape.num_heads * shape.head_dim == shape.d_model) return "";
  return concat("\n  head_dim: ", shape.head_dim);
}

std::string yaml_of(const ModelShape& shape) {
  const auto truth = [](bool value) { return value ? "true" : "false"; };
  return concat(
      "model:\n  num_layers: ", shape.num_layers, "\n  d_model: ", shape.d_model,
      "\n  num_heads: ", shape.num_heads, "\n  num_kv_heads: ", shape.num_kv_heads,
      own_head_dim(shape), "\n  ffn_dim: ", shape.ffn_dim, "\n  activation: ", shape.activation,
      "\n  norm: ", shape.norm, "\n  norm_eps: ", yaml_number(shape.norm_eps),
      "\n  norm_placement: pre\n  final_norm: true\n  parallel_residual: ",
      truth(shape.parallel_residual), "\n  bias: ", truth(shape.bias),
      "\n  attention_bias: ", truth(shape.attention_bias),
      shape.clip_qkv > 0.0 ? "\n  clip_qkv: " + yaml_number(shape.clip_qkv) : "",
      "\n  embedding: {kind: plain, tie: ", truth(shape.tie),
      ", scale: false, norm: ", truth(shape.embedding_norm),
      "}\nposition: ", shape.rotation ? shape.rotation->yaml() : shape.alibi.yaml(), "\n");
}

PortableModel import_model(const std::filesystem::path& folder, const JsonReader& config,
                           const Architecture& architecture) {
  const ModelShape shape = architecture.read(config);
  refuse_unknown(config, architecture.harmless);
  FolderTensors tensors(folder);
  tensors.complete(architecture.prefix);
  NamedTensors parameters =
      import_weights(rows_of(architecture.weights, shape.weight_dimensions()), tensors);
  tensors.finish(architecture.ballast);
  return {yaml_of(shape), std::move(parameters), shape.vocab_size, shape.seq_len};
}

}  // namespace

std::string AlibiShape::yaml() const {
  std::string yaml = "{kind: alibi";
  if (max_bias != AlibiShape().max_bias) yaml += ", max_bias: " + yaml_number(max_bias);
  if (score_scale > 0.0) yaml += ", score_scale: " + yaml_number(score_scale);
  return yaml + "}";
}

WeightDimensions ModelShape::weight_dimensions() const {
  return {.num_layers = num_layers,
          .d_model = d_model,
          .num_kv_heads = num_kv_heads,
          .q_dim = num_heads * head_dim,
          .kv_dim = num_kv_heads * head_dim,
          .ffn_dim = ffn_dim,
          .vocab_size = vocab_size,
          .bias = bias,
          .attention_bias = attention_bias,
          .tie = tie};
}

}  // namespace interop

PortableModel import_huggingface(const std::filesystem::path& folder) {
  interop::check_is_folder(folder);
  const JsonReader config = interop::read_folder_json(folder / "config.json");
  const std::string type = config.text("model_type");
  for (const interop::Architecture* architecture : interop::kArchitectures)
    if (type == architecture->model_type)
      return interop::import_model(folder, config, *architecture);
  config.refuse("model_type", "mpt, bloom, llama or gpt_neox to be imported");
}

}  // namespace longspan
