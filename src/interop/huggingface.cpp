// Folders of transformers' save_pretrained. Each architecture has a file with the function that
// reads its config.json, refusing by name what we cannot have, and the table of its tensors.

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "interop/architecture.h"
#include "longspan/checkpoint/safetensors.h"
#include "longspan/core/error.h"
#include "longspan/interop/imported_model.h"

namespace longspan {
namespace interop {
namespace {

// The tensors of a folder, each taken once.
class FolderTensors : public WeightSource {
 public:
  explicit FolderTensors(const std::filesystem::path& folder) : folder_(folder.string()) {
    for (const auto& file : files_of(folder))
      for (auto& [name, tensor] : read_safetensors(folder / file))
        tensors_[name] = tensor.to(at::kFloat);
  }

  const std::string& place() const override { return folder_; }
  bool has(const std::string& name) const override { return tensors_.contains(name); }
  at::Tensor take(const std::string& name, at::IntArrayRef sizes) override {
    const auto found = tensors_.find(name);
    check(found != tensors_.end(), ErrorKind::Data, folder_, ": must hold the tensor ", name,
          ", it has none");
    check(found->second.sizes() == sizes, ErrorKind::Data, folder_, ": the tensor ", name,
          " must have the shape ", sizes, ", got ", found->second.sizes());
    at::Tensor tensor = found->second;
    tensors_.erase(found);
    return tensor;
  }
  /// Throws unless all that is left has one of the endings.
  void finish(std::span<const std::string_view> ballast) const {
    for (const auto& entry : tensors_) {
      const std::string& name = entry.first;
      check(std::ranges::any_of(ballast, [&](const auto ending) { return name.ends_with(ending); }),
            ErrorKind::Data, folder_, ": must hold no tensors beyond the model's, got ", name);
    }
  }

 private:
  static std::set<std::string> files_of(const std::filesystem::path& folder) {
    const auto index = folder / "model.safetensors.index.json";
    if (!std::filesystem::exists(index)) return {"model.safetensors"};
    std::set<std::string> files;
    const JsonReader document(read_json(index), index.string());
    document.require("weight_map");
    const JsonReader map = document.section("weight_map");
    const std::vector<std::string> names = map.keys(), named = map.texts();
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (named[i] != std::filesystem::path(named[i]).filename())
        map.refuse(names[i], "a file of the same folder");
      files.insert(named[i]);
    }
    return files;
  }

  std::string folder_;
  std::map<std::string, at::Tensor> tensors_;
};

std::string yaml_of(const ModelShape& shape) {
  const auto truth = [](bool value) { return value ? "true" : "false"; };
  return concat("model:\n  num_layers: ", shape.num_layers, "\n  d_model: ", shape.d_model,
                "\n  num_heads: ", shape.num_heads, "\n  num_kv_heads: ", shape.num_kv_heads,
                "\n  ffn_dim: ", shape.ffn_dim, "\n  activation: ", shape.activation,
                "\n  norm: ", shape.norm, "\n  norm_eps: ", yaml_number(shape.norm_eps),
                "\n  norm_placement: pre\n  final_norm: true\n  parallel_residual: ",
                truth(shape.parallel_residual), "\n  bias: ", truth(shape.bias),
                "\n  embedding: {kind: plain, tie: ", truth(shape.tie),
                ", scale: false}\nposition: ", shape.position, "\n");
}

ImportedModel import_model(const std::filesystem::path& folder, const JsonReader& config,
                           const Architecture& architecture) {
  const ModelShape shape = architecture.read(config);
  refuse_unknown(config, architecture.harmless);
  FolderTensors tensors(folder);
  NamedTensors parameters =
      import_weights(rows_of(architecture.weights, shape.weight_dimensions()), tensors);
  tensors.finish(architecture.ballast);
  return {yaml_of(shape), std::move(parameters), shape.vocab_size, shape.seq_len};
}

}  // namespace

WeightDimensions ModelShape::weight_dimensions() const {
  return {.num_layers = num_layers,
          .d_model = d_model,
          .num_kv_heads = num_kv_heads,
          .kv_dim = num_kv_heads * head_dim(),
          .ffn_dim = ffn_dim,
          .vocab_size = vocab_size,
          .bias = bias,
          .tie = tie};
}

}  // namespace interop

ImportedModel import_huggingface(const std::filesystem::path& folder) {
  const std::filesystem::path file = folder / "config.json";
  const JsonReader config(read_json(file), file.string());
  const std::string type = config.text("model_type");
  for (const interop::Architecture* architecture : interop::kArchitectures)
    if (type == architecture->model_type)
      return interop::import_model(folder, config, *architecture);
  config.refuse("model_type", "mpt, llama or gpt_neox to be imported");
}

}  // namespace longspan
