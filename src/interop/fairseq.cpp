// fairseq's transformer language model in our names. Every tensor of the checkpoint must be either
// understood, a copy of one that is, or known to carry nothing; shapes decide the configuration.

#include <ATen/TensorOperators.h>

#include <array>
#include <map>
#include <set>

#include "interop/fairseq_options.h"
#include "interop/torch_file.h"
#include "longspan/core/error.h"
#include "longspan/core/json.h"
#include "longspan/interop/imported_model.h"
#include "longspan/position/position.h"

namespace longspan {
namespace interop {
namespace {

constexpr std::int64_t kMaxFactor = 1024;

using Sizes = std::vector<std::int64_t>;

// The entries of the state dict. Each is taken once; finish() names one that nobody asked for.
class StateDict {
 public:
  explicit StateDict(TorchFile& file) : file_(file) {
    const PickleNode* model = file.pickle().find(file.root(), "model");
    check(model != nullptr && model->kind == PickleKind::Dict, ErrorKind::Data, file.source(),
          ": must be a fairseq checkpoint, with a state dict under 'model'");
    for (std::size_t i = 0; i + 1 < model->items.size(); i += 2) {
      const PickleNode& key = file.pickle().node(model->items[i]);
      check(key.kind == PickleKind::Text, ErrorKind::Data, file.source(),
            ": a tensor's name must be a text, got ", Pickle::describe(key));
      entries_[key.text] = &file.pickle().node(model->items[i + 1]);
    }
  }

  const std::string& source() const { return file_.source(); }
  bool has(const std::string& key) const { return entries_.contains("decoder." + key); }

  /// Returns a tensor in float32. @param sizes its shape; -1 stands for any size
  at::Tensor take(const std::string& key, const Sizes& sizes) {
    const std::string name = "decoder." + key;
    const auto found = entries_.find(name);
    check(found != entries_.end(), ErrorKind::Data, source(), ": must hold a tensor ", name,
          ", it has none");
    const at::Tensor tensor = file_.tensor(*found->second, name);
    bool fits = tensor.dim() == static_cast<std::int64_t>(sizes.size());
    for (std::size_t i = 0; fits && i < sizes.size(); ++i)
      fits = sizes[i] < 0 || tensor.size(static_cast<std::int64_t>(i)) == sizes[i];
    check(fits && tensor.is_floating_point(), ErrorKind::Data, source(), ": ", name,
          " must be a tensor of numbers ", c10::IntArrayRef(sizes), " (-1: any), got ",
          tensor.sizes(), " of ", tensor.scalar_type());
    entries_.erase(found);
    return tensor.to(at::kFloat);
  }

  /// Takes a tensor that must equal another, which is ours under `name`.
  void take_copy(const std::string& key, const at::Tensor& original, const std::string& name) {
    const at::Tensor copy = take(key, original.sizes().vec());
    check(copy.equal(original), ErrorKind::Data, source(), ": decoder.", key,
          " must equal the tensor that it is tied to (", name, "), it differs");
  }

  void finish() const {
    for (const auto& [name, value] : entries_)
      check(is_ballast(name), ErrorKind::Data, source(),
            ": must hold no tensors beyond those of a decoder-only transformer, got ", name,
            "; this program's model has no such part");
  }

 private:
  // Version marks, and buffers that fairseq keeps for their type alone; their memory is never set.
  static bool is_ballast(const std::string& name) {
    return name.ends_with("._float_tensor") || name.ends_with(".version");
  }

  TorchFile& file_;
  std::map<std::string, const PickleNode*> entries_;
};

// Collects the parameters while the shapes are found out.
struct ModelParts {
  StateDict& state;
  NamedTensors parameters = {};
  std::int64_t d_model = 0, ffn_dim = -1, num_layers = 0, vocab_size = 0;
  bool final_norm = false;
  std::string embedding = {};  ///< the section of the configuration

  void add(const std::string& name, at::Tensor tensor) {
    parameters.push_back({name, std::move(tensor)});
  }
  void take(const std::string& name, const std::string& key, const Sizes& sizes) {
    add(name, state.take(key, sizes));
  }
  void take_norm(const std::string& name, const std::string& key) {
    take(name + ".weight", key + ".weight", {d_model});
    take(name + ".bias", key + ".bias", {d_model});
  }
};

// The factor by which each band is narrower than the one before.
std::int64_t find_factor(const StateDict& state, const std::vector<std::int64_t>& widths) {
  const auto fits = [&](std::int64_t factor) {
    std::int64_t divisor = 1;
    for (const std::int64_t width : widths) {
      if (width != widths[0] / divisor) return false;
      if (divisor <= widths[0]) divisor *= factor;
    }
    return true;
  };
  for (std::int64_t factor = 1; factor <= kMaxFactor; ++factor)
    if (fits(factor)) return factor;
  throw Error(ErrorKind::Data,
              concat(state.source(),
                     ": the bands of decoder.embed_tokens must each be narrower by "
                     "one factor, got widths ",
                     Json(widths).dump()));
}

// Tied adaptive input and softmax: the head's matrices are the bands' own.
void take_band(ModelParts& parts, std::int64_t band, std::vector<std::int64_t>& widths) {
  const std::string number = std::to_string(band), key = "embed_tokens.embeddings." + number;
  const std::string name = "embed.band" + number;
  const at::Tensor weight_RW = parts.state.take(key + ".0.weight", {-1, -1});
  if (band == 0) parts.d_model = weight_RW.size(1);
  const std::int64_t width = weight_RW.size(1);
  const at::Tensor proj_DW = parts.state.take(key + ".1.weight", {parts.d_model, width});
  const std::string tail = "adaptive_softmax.tail." + std::to_string(band - 1);
  parts.state.take_copy(band == 0 ? "adaptive_softmax.head.word_proj.weight" : tail + ".2.weight",
                        weight_RW, name + ".weight");
  if (band > 0) parts.state.take_copy(tail + ".0.weight", proj_DW, name + ".proj.weight");
  widths.push_back(width);
  parts.vocab_size += weight_RW.size(0);
  parts.add(name + ".weight", weight_RW);
  parts.add(name + ".proj.weight", proj_DW);
}

void take_adaptive(ModelParts& parts, const FairseqOptions& options) {
  std::vector<std::int64_t> widths, cutoffs;
  for (std::int64_t band = 0;
       parts.state.has(concat("embed_tokens.embeddings.", band, ".0.weight")); ++band) {
    if (band > 0) cutoffs.push_back(parts.vocab_size);
    take_band(parts, band, widths);
  }
  check(!cutoffs.empty(), ErrorKind::Data, parts.state.source(),
        ": decoder.embed_tokens must have at least two bands, got one");
  parts.take("head.cluster.weight", "adaptive_softmax.head.class_proj.weight",
             {static_cast<std::int64_t>(cutoffs.size()), parts.d_model});
  parts.embedding = concat("{kind: adaptive, cutoffs: ", Json(cutoffs).dump(),
                           ", factor: ", find_factor(parts.state, widths),
                           ", tie: true, scale: ", options.scale_embedding ? "true}" : "false}");
}

// One matrix, and a second one for the head unless that is tied to it.
void take_plain(ModelParts& parts, const FairseqOptions& options) {
  const at::Tensor embed_VD = parts.state.take("embed_tokens.weight", {-1, -1});
  parts.vocab_size = embed_VD.size(0);
  parts.d_model = embed_VD.size(1);
  parts.add("embed.weight", embed_VD);
  // The head's name before fairseq 0.10; tied heads were not stored then.
  const std::string head = parts.state.has("embed_out") ? "embed_out" : "output_projection.weight";
  if (!options.share_embedding)
    parts.take("head.weight", head, embed_VD.sizes().vec());
  else if (parts.state.has(head))
    parts.state.take_copy(head, embed_VD, "embed.weight");
  parts.embedding = concat("{kind: plain, tie: ", options.share_embedding ? "true" : "false",
                           ", scale: ", options.scale_embedding ? "true}" : "false}");
}

// Until 2019 q, k and v were one matrix, in this order.
void take_packed_projections(ModelParts& parts, const std::string& name, const std::string& key) {
  const std::int64_t d_model = parts.d_model;
  const at::Tensor weight = parts.state.take(key + "in_proj_weight", {3 * d_model, d_model});
  const at::Tensor bias = parts.state.take(key + "in_proj_bias", {3 * d_model});
  std::int64_t row = 0;
  for (const char* part : {"q", "k", "v"}) {
    parts.add(name + part + ".weight", weight.narrow(0, row, d_model).clone());
    parts.add(name + part + ".bias", bias.narrow(0, row, d_model).clone());
    row += d_model;
  }
}

void take_linear(ModelParts& parts, const std::string& name, const std::string& key,
                 std::int64_t out, std::int64_t in) {
  parts.take(name + ".weight", key + ".weight", {out, in});
  parts.take(name + ".bias", key + ".bias", {out});
}

void take_layer(ModelParts& parts, std::int64_t layer) {
  const std::string name = concat("layers.", layer, "."), key = name;
  const std::int64_t d_model = parts.d_model;
  parts.take_norm(name + "attn_norm", key + "self_attn_layer_norm");
  if (parts.state.has(key + "self_attn.in_proj_weight"))
    take_packed_projections(parts, name + "attn.", key + "self_attn.");
  else
    for (const std::string part : {"q", "k", "v"})
      take_linear(parts, name + "attn." + part, key + "self_attn." + part + "_proj", d_model,
                  d_model);
  take_linear(parts, name + "attn.out", key + "self_attn.out_proj", d_model, d_model);
  parts.take_norm(name + "ffn_norm", key + "final_layer_norm");
  parts.take(name + "ffn.fc1.weight", key + "fc1.weight", {parts.ffn_dim, d_model});
  parts.ffn_dim = parts.parameters.back().tensor.size(0);
  parts.take(name + "ffn.fc1.bias", key + "fc1.bias", {parts.ffn_dim});
  take_linear(parts, name + "ffn.fc2", key + "fc2", d_model, parts.ffn_dim);
}

void take_model(ModelParts& parts, const FairseqOptions& options) {
  const bool adaptive = parts.state.has("embed_tokens.embeddings.0.0.weight");
  adaptive ? take_adaptive(parts, options) : take_plain(parts, options);
  while (parts.state.has(concat("layers.", parts.num_layers, ".fc1.weight")))
    take_layer(parts, parts.num_layers++);
  check(parts.num_layers > 0, ErrorKind::Data, parts.state.source(),
        ": must hold at least one layer (decoder.layers.0), found none");
  parts.final_norm = parts.state.has("layer_norm.weight");
  if (parts.final_norm) parts.take_norm("final_norm", "layer_norm");
  parts.state.finish();
  check(parts.d_model % options.num_heads == 0, ErrorKind::Data, parts.state.source(),
        ": option decoder_attention_heads must divide the width of the model (", parts.d_model,
        "), got ", options.num_heads);
}

std::string dropout_yaml(const DropoutConfig& dropout, bool adaptive) {
  const auto number = [](double value) { return Json(value).dump(); };
  std::string yaml = concat(
      "{embedding: ", number(dropout.embedding), ", residual: ", number(dropout.residual),
      ", attention: ", number(dropout.attention), ", activation: ", number(dropout.activation));
  if (adaptive) yaml += concat(", head: ", number(dropout.head), ", tail: ", number(dropout.tail));
  return yaml + "}";
}

// Takes a map in flow or block form, or the name of a kind alone.
std::string position_yaml(const std::string& position) {
  if (position.find(':') == std::string::npos) return "position: {kind: " + position + "}\n";
  std::string yaml = "position:\n  ";
  for (const char c : position) yaml += c == '\n' ? std::string("\n  ") : std::string(1, c);
  return yaml + "\n";
}

std::string config_yaml(const ModelParts& parts, const FairseqOptions& options,
                        const std::string& position) {
  const bool adaptive = parts.embedding.starts_with("{kind: adaptive");
  return concat(
      "model:\n  num_layers: ", parts.num_layers, "\n  d_model: ", parts.d_model,
      "\n  num_heads: ", options.num_heads, "\n  ffn_dim: ", parts.ffn_dim,
      "\n  activation: ", options.activation,
      "\n  norm: layernorm\n  norm_placement: ", options.norm_placement,
      "\n  final_norm: ", parts.final_norm ? "true" : "false",
      "\n  bias: true\n  init: fairseq\n  dialect: fairseq\n  embedding: ", parts.embedding,
      "\n  dropout: ", dropout_yaml(options.dropout, adaptive), "\n", position_yaml(position));
}

// What the checkpoint tells of positions must not speak against the method that it is told to be.
void check_position(const ModelParts& parts, const FairseqOptions& options,
                    const std::string& yaml) {
  const auto document = config::Document::from_text(yaml, "the imported configuration");
  const PositionConfig position = read_position_config(document.root().section("position"));
  check(position.kind != "sinusoidal" || options.position_embedding, ErrorKind::Data,
        parts.state.source(),
        ": option no_token_positional_embeddings must be False for sinusoidal positions, got True");
  const auto method =
      position.make({parts.d_model, options.num_heads, parts.d_model / options.num_heads,
                     options.seq_len, parts.num_layers});
  check(method->parameters().empty(), ErrorKind::Data, parts.state.source(),
        ": must hold the tensors of the position method, it has none for ", position.kind);
}

}  // namespace
}  // namespace interop

ImportedModel import_fairseq(const std::filesystem::path& checkpoint, const std::string& position) {
  using namespace interop;
  TorchFile file(checkpoint);
  StateDict state(file);
  const FairseqOptions options = read_fairseq_options(file);
  ModelParts parts{.state = state};
  take_model(parts, options);
  ImportedModel result;
  result.config_yaml = config_yaml(parts, options, position);
  check_position(parts, options, result.config_yaml);
  result.parameters = std::move(parts.parameters);
  result.vocab_size = parts.vocab_size;
  result.seq_len = options.seq_len;
  return result;
}

}  // namespace longspan
