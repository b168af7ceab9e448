// Folders of transformers' save_pretrained. Each architecture has one function that reads its
// config.json into ours, refusing by name what we cannot have, and one that takes its tensors.

#include <ATen/ops/cat.h>

#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "longspan/checkpoint/safetensors.h"
#include "longspan/core/error.h"
#include "longspan/core/files.h"
#include "longspan/core/json.h"
#include "longspan/interop/imported_model.h"

namespace longspan {
namespace {

// config.json of one folder; every error names the file and the key.
class HuggingFaceConfig {
 public:
  explicit HuggingFaceConfig(const std::filesystem::path& folder)
      : file_((folder / "config.json").string()), json_(read_json(folder / "config.json")) {}

  template <class Value>
  Value get(const std::string& key) const {
    return at(json_, key).get<Value>();
  }
  template <class Value>
  Value get(const std::string& key, const Value& fallback) const {
    const auto found = json_.find(key);
    return found == json_.end() || found->is_null() ? fallback : found->get<Value>();
  }
  Json section(const std::string& key) const { return json_.value(key, Json::object()); }

  // Refuses a model unless the key is absent, null or has the one value that we can do.
  void demand(const Json& map, const std::string& key, const Json& wanted) const {
    const auto found = map.find(key);
    check(found == map.end() || found->is_null() || *found == wanted, ErrorKind::Data, file_, ": ",
          key, " must be ", wanted.dump(), " to be imported, got ",
          found == map.end() ? "" : found->dump());
  }
  void demand(const std::string& key, const Json& wanted) const { demand(json_, key, wanted); }
  [[noreturn]] void refuse(const std::string& what) const {
    throw Error(ErrorKind::Data, concat(file_, ": ", what));
  }

 private:
  const Json& at(const Json& map, const std::string& key) const {
    const auto found = map.find(key);
    if (found == map.end() || found->is_null()) refuse(concat(key, " must be given"));
    return *found;
  }

  std::string file_;
  Json json_;
};

// The tensors of a folder, each taken once.
class Tensors {
 public:
  explicit Tensors(const std::filesystem::path& folder) : folder_(folder.string()) {
    for (const auto& file : files_of(folder))
      for (auto& [name, tensor] : read_safetensors(folder / file))
        tensors_[name] = tensor.to(at::kFloat);
  }

  at::Tensor take(const std::string& name, at::IntArrayRef sizes) {
    const auto found = tensors_.find(name);
    check(found != tensors_.end(), ErrorKind::Data, folder_, ": must hold the tensor ", name,
          ", it has none");
    check(found->second.sizes() == sizes, ErrorKind::Data, folder_, ": the tensor ", name,
          " must have the shape ", sizes, ", got ", found->second.sizes());
    at::Tensor tensor = found->second;
    tensors_.erase(found);
    return tensor;
  }
  // Forgets what can be computed again: rotation tables, masks.
  void drop_endings(const std::vector<std::string>& endings) {
    std::erase_if(tensors_, [&](const auto& entry) {
      return std::ranges::any_of(endings,
                                 [&](const auto& ending) { return entry.first.ends_with(ending); });
    });
  }
  void finish() const {
    check(tensors_.empty(), ErrorKind::Data, folder_,
          ": must hold no tensors beyond the model's, got ",
          tensors_.empty() ? "" : tensors_.begin()->first);
  }

 private:
  static std::set<std::string> files_of(const std::filesystem::path& folder) {
    const auto index = folder / "model.safetensors.index.json";
    if (!std::filesystem::exists(index)) return {"model.safetensors"};
    std::set<std::string> files;
    const Json document = read_json(index);
    for (const auto& [name, file] : document.at("weight_map").items()) {
      const std::string text = file.get<std::string>();
      check(text.find('/') == std::string::npos, ErrorKind::Data, index.string(), ": ", name,
            " must lie in the same folder, got ", text);
      files.insert(text);
    }
    return files;
  }

  std::string folder_;
  std::map<std::string, at::Tensor> tensors_;
};

// What all three architectures have.
struct Shape {
  std::int64_t num_layers, d_model, num_heads, num_kv_heads, ffn_dim, vocab_size, seq_len;
  std::string activation, norm;
  double norm_eps;
  bool bias, parallel_residual, tie;
  std::string position;  // the section, as YAML

  std::int64_t head_dim() const { return d_model / num_heads; }
  std::int64_t kv_dim() const { return num_kv_heads * head_dim(); }
};

std::string number(double value) {
  std::ostringstream text;
  text.precision(17);
  text << std::showpoint << value;
  return text.str();
}

std::string yaml_of(const Shape& shape) {
  const auto truth = [](bool value) { return value ? "true" : "false"; };
  return concat("model:\n  num_layers: ", shape.num_layers, "\n  d_model: ", shape.d_model,
                "\n  num_heads: ", shape.num_heads, "\n  num_kv_heads: ", shape.num_kv_heads,
                "\n  ffn_dim: ", shape.ffn_dim, "\n  activation: ", shape.activation,
                "\n  norm: ", shape.norm, "\n  norm_eps: ", number(shape.norm_eps),
                "\n  norm_placement: pre\n  final_norm: true\n  parallel_residual: ",
                truth(shape.parallel_residual), "\n  bias: ", truth(shape.bias),
                "\n  embedding: {kind: plain, tie: ", truth(shape.tie),
                ", scale: false}\nposition: ", shape.position, "\n");
}

void check_heads(const HuggingFaceConfig& config, const Shape& shape) {
  if (shape.num_heads < 1 || shape.d_model % shape.num_heads != 0)
    config.refuse(concat("the number of heads must divide the model's width (", shape.d_model,
                         "), got ", shape.num_heads));
}

std::string activation_of(const HuggingFaceConfig& config, const std::string& name) {
  if (name == "gelu") return "gelu";
  if (name == "gelu_new" || name == "gelu_fast" || name == "gelu_pytorch_tanh") return "gelu_tanh";
  if (name == "relu") return "relu";
  config.refuse(concat("hidden_act must be gelu, gelu_new or relu to be imported, got ", name));
}

// transformers 5 writes rope_parameters; before, the keys had the names given here.
std::string rotary_yaml(const HuggingFaceConfig& config, const std::string& base_key,
                        const std::string& fraction_key) {
  const Json rope = config.section("rope_parameters");
  config.demand(rope, "rope_type", "default");
  config.demand("rope_scaling", nullptr);
  const double base = rope.value("rope_theta", config.get<double>(base_key, 10000.0)),
               fraction =
                   rope.value("partial_rotary_factor", config.get<double>(fraction_key, 1.0));
  return concat("{kind: rotary, pairing: half_split, base: ", number(base),
                ", fraction: ", number(fraction), "}");
}

class Parameters {
 public:
  Parameters(const Shape& shape, Tensors& tensors) : shape_(shape), tensors_(tensors) {}

  void take(const std::string& ours, const std::string& theirs, at::IntArrayRef sizes) {
    list_.push_back({ours, tensors_.take(theirs, sizes)});
  }
  // A linear layer, or a norm when `in` is 0.
  void layer(const std::string& ours, const std::string& theirs, std::int64_t out, std::int64_t in,
             bool bias) {
    if (in > 0)
      take(ours + ".weight", theirs + ".weight", {out, in});
    else
      take(ours + ".weight", theirs + ".weight", {out});
    if (bias) take(ours + ".bias", theirs + ".bias", {out});
  }
  void put(const std::string& ours, const at::Tensor& tensor) {
    list_.push_back({ours, tensor.contiguous().clone()});
  }
  void ends(const std::string& embed, const std::string& head, const std::string& norm,
            bool norm_bias) {
    take("embed.weight", embed, {shape_.vocab_size, shape_.d_model});
    if (!shape_.tie) take("head.weight", head, {shape_.vocab_size, shape_.d_model});
    layer("final_norm", norm, shape_.d_model, 0, norm_bias);
  }
  at::Tensor theirs(const std::string& name, at::IntArrayRef sizes) {
    return tensors_.take(name, sizes);
  }
  NamedTensors list() && { return std::move(list_); }

 private:
  const Shape& shape_;
  Tensors& tensors_;
  NamedTensors list_;
};

std::string prefix(std::int64_t layer) { return concat("layers.", layer, "."); }

Shape llama_shape(const HuggingFaceConfig& config) {
  const bool attention_bias = config.get<bool>("attention_bias", false);
  config.demand("mlp_bias", attention_bias);
  config.demand("hidden_act", "silu");
  const auto heads = config.get<std::int64_t>("num_attention_heads");
  const Shape shape{.num_layers = config.get<std::int64_t>("num_hidden_layers"),
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
  check_heads(config, shape);
  config.demand("head_dim", shape.head_dim());
  return shape;
}

NamedTensors llama_parameters(const Shape& shape, Tensors& tensors) {
  Parameters parameters(shape, tensors);
  const std::int64_t D = shape.d_model, F = shape.ffn_dim;
  for (std::int64_t i = 0; i < shape.num_layers; ++i) {
    const std::string ours = prefix(i), theirs = concat("model.layers.", i, ".");
    parameters.layer(ours + "attn_norm", theirs + "input_layernorm", D, 0, false);
    parameters.layer(ours + "attn.q", theirs + "self_attn.q_proj", D, D, shape.bias);
    parameters.layer(ours + "attn.k", theirs + "self_attn.k_proj", shape.kv_dim(), D, shape.bias);
    parameters.layer(ours + "attn.v", theirs + "self_attn.v_proj", shape.kv_dim(), D, shape.bias);
    parameters.layer(ours + "attn.out", theirs + "self_attn.o_proj", D, D, shape.bias);
    parameters.layer(ours + "ffn_norm", theirs + "post_attention_layernorm", D, 0, false);
    parameters.layer(ours + "ffn.fc1", theirs + "mlp.up_proj", F, D, shape.bias);
    parameters.layer(ours + "ffn.gate", theirs + "mlp.gate_proj", F, D, shape.bias);
    parameters.layer(ours + "ffn.fc2", theirs + "mlp.down_proj", D, F, shape.bias);
  }
  parameters.ends("model.embed_tokens.weight", "lm_head.weight", "model.norm", false);
  tensors.drop_endings({"rotary_emb.inv_freq"});
  return std::move(parameters).list();
}

Shape neox_shape(const HuggingFaceConfig& config) {
  config.demand("attention_bias", true);
  const auto heads = config.get<std::int64_t>("num_attention_heads");
  const Shape shape{
      .num_layers = config.get<std::int64_t>("num_hidden_layers"),
      .d_model = config.get<std::int64_t>("hidden_size"),
      .num_heads = heads,
      .num_kv_heads = heads,
      .ffn_dim = config.get<std::int64_t>("intermediate_size"),
      .vocab_size = config.get<std::int64_t>("vocab_size"),
      .seq_len = config.get<std::int64_t>("max_position_embeddings"),
      .activation = activation_of(config, config.get<std::string>("hidden_act", "gelu")),
      .norm = "layernorm",
      .norm_eps = config.get<double>("layer_norm_eps", 1e-5),
      .bias = true,
      .parallel_residual = config.get<bool>("use_parallel_residual", true),
      .tie = config.get<bool>("tie_word_embeddings", false),
      .position = rotary_yaml(config, "rotary_emb_base", "rotary_pct")};
  check_heads(config, shape);
  return shape;
}

NamedTensors neox_parameters(const Shape& shape, Tensors& tensors) {
  Parameters parameters(shape, tensors);
  const std::int64_t D = shape.d_model, H = shape.num_heads, K = shape.head_dim();
  for (std::int64_t i = 0; i < shape.num_layers; ++i) {
    const std::string ours = prefix(i), theirs = concat("gpt_neox.layers.", i, ".");
    parameters.layer(ours + "attn_norm", theirs + "input_layernorm", D, 0, true);
    // Rows run by head, then by which of the three, then by element.
    const auto weight = parameters.theirs(theirs + "attention.query_key_value.weight", {3 * D, D})
                            .view({H, 3, K, D});
    const auto bias =
        parameters.theirs(theirs + "attention.query_key_value.bias", {3 * D}).view({H, 3, K});
    for (std::int64_t part = 0; part < 3; ++part) {
      const std::string name = ours + "attn." + "qkv"[part];
      parameters.put(name + ".weight", weight.select(1, part).reshape({D, D}));
      parameters.put(name + ".bias", bias.select(1, part).reshape({D}));
    }
    parameters.layer(ours + "attn.out", theirs + "attention.dense", D, D, true);
    parameters.layer(ours + "ffn_norm", theirs + "post_attention_layernorm", D, 0, true);
    parameters.layer(ours + "ffn.fc1", theirs + "mlp.dense_h_to_4h", shape.ffn_dim, D, true);
    parameters.layer(ours + "ffn.fc2", theirs + "mlp.dense_4h_to_h", D, shape.ffn_dim, true);
  }
  parameters.ends("gpt_neox.embed_in.weight", "embed_out.weight", "gpt_neox.final_layer_norm",
                  true);
  tensors.drop_endings({"rotary_emb.inv_freq", "attention.bias", "attention.masked_bias"});
  return std::move(parameters).list();
}

Shape mpt_shape(const HuggingFaceConfig& config) {
  const Json attention = config.section("attn_config");
  config.demand(attention, "alibi", true);
  config.demand(attention, "alibi_bias_max", 8);
  config.demand(attention, "attn_type", "multihead_attention");
  config.demand(attention, "clip_qkv", nullptr);
  config.demand(attention, "prefix_lm", false);
  config.demand(attention, "qk_ln", false);
  config.demand(attention, "softmax_scale", nullptr);
  config.demand("logit_scale", nullptr);
  config.demand("no_bias", true);
  config.demand("embedding_fraction", 1.0);
  if (!attention.value("alibi", false))
    config.refuse("attn_config.alibi must be true to be imported, got none");
  const auto heads = config.get<std::int64_t>("n_heads"),
             d_model = config.get<std::int64_t>("d_model");
  const Shape shape{.num_layers = config.get<std::int64_t>("n_layers"),
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
  check_heads(config, shape);
  return shape;
}

NamedTensors mpt_parameters(const Shape& shape, Tensors& tensors) {
  Parameters parameters(shape, tensors);
  const std::int64_t D = shape.d_model;
  for (std::int64_t i = 0; i < shape.num_layers; ++i) {
    const std::string ours = prefix(i), theirs = concat("transformer.blocks.", i, ".");
    parameters.layer(ours + "attn_norm", theirs + "norm_1", D, 0, false);
    const auto weight = parameters.theirs(theirs + "attn.Wqkv.weight", {3 * D, D});
    for (std::int64_t part = 0; part < 3; ++part)
      parameters.put(ours + "attn." + "qkv"[part] + ".weight", weight.narrow(0, part * D, D));
    parameters.layer(ours + "attn.out", theirs + "attn.out_proj", D, D, false);
    parameters.layer(ours + "ffn_norm", theirs + "norm_2", D, 0, false);
    parameters.layer(ours + "ffn.fc1", theirs + "ffn.up_proj", shape.ffn_dim, D, false);
    parameters.layer(ours + "ffn.fc2", theirs + "ffn.down_proj", D, shape.ffn_dim, false);
  }
  parameters.ends("transformer.wte.weight", "lm_head.weight", "transformer.norm_f", false);
  return std::move(parameters).list();
}

struct Architecture {
  const char* model_type;
  Shape (*shape)(const HuggingFaceConfig&);
  NamedTensors (*parameters)(const Shape&, Tensors&);
};

constexpr Architecture kArchitectures[] = {
    {"mpt", mpt_shape, mpt_parameters},
    {"llama", llama_shape, llama_parameters},
    {"gpt_neox", neox_shape, neox_parameters},
};

}  // namespace

ImportedModel import_huggingface(const std::filesystem::path& folder) {
  const HuggingFaceConfig config(folder);
  const auto type = config.get<std::string>("model_type");
  for (const auto& architecture : kArchitectures) {
    if (type != architecture.model_type) continue;
    const Shape shape = architecture.shape(config);
    Tensors tensors(folder);
    NamedTensors parameters = architecture.parameters(shape, tensors);
    tensors.finish();
    return {yaml_of(shape), std::move(parameters), shape.vocab_size, shape.seq_len};
  }
  config.refuse(concat("model_type must be mpt, llama or gpt_neox to be imported, got ", type));
}

}  // namespace longspan
