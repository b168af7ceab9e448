// fairseq's options: dicts in `cfg`, or one argparse.Namespace in `args`.

#include "interop/fairseq_options.h"

#include <array>
#include <limits>
#include <utility>
#include <vector>

#include "longspan/core/error.h"

namespace longspan::interop {
namespace {

// Looks an option up in several maps, the first that has it counting. None counts as absent.
class Options {
 public:
  explicit Options(const TorchFile& file) : file_(file) {
    const PickleNode* cfg = entry("cfg");
    if (cfg != nullptr) {
      add(file_.pickle().find(*cfg, "model"));
      add(file_.pickle().find(*cfg, "task"));
    }
    add(entry("args"));
    check(!maps_.empty(), ErrorKind::Data, file_.source(),
          ": must hold the options of the model under cfg.model or args, found neither");
  }

  const PickleNode* find(std::string_view key) const {
    for (const PickleNode* map : maps_) {
      const PickleNode* value = file_.pickle().find(*map, key);
      if (value != nullptr && value->kind != PickleKind::None) return value;
    }
    return nullptr;
  }
  std::int64_t positive(const std::string& key) const {
    const PickleNode* value = find(key);
    demand(value != nullptr && value->kind == PickleKind::Integer && value->integer > 0 &&
               value->integer <= std::numeric_limits<std::int32_t>::max(),
           key, "a positive integer below 2^31", value);
    return value->integer;
  }
  bool boolean(const std::string& key, bool fallback) const {
    const PickleNode* value = find(key);
    if (value == nullptr) return fallback;
    demand(value->kind == PickleKind::Bool, key, "True or False", value);
    return value->integer != 0;
  }
  double probability(const std::string& key) const {
    const PickleNode* value = find(key);
    if (value == nullptr) return 0.0;
    const bool whole = value->kind == PickleKind::Integer;
    const double number = whole ? static_cast<double>(value->integer) : value->number;
    demand((whole || value->kind == PickleKind::Float) && number >= 0.0 && number <= 0.99, key,
           "a probability of at most 0.99", value);
    return number;
  }
  void demand(bool ok, const std::string& key, const char* what, const PickleNode* value) const {
    if (ok) return;
    throw Error(ErrorKind::Data,
                concat(file_.source(), ": option ", key, " must be ", what, ", got ",
                       value == nullptr ? "none" : Pickle::describe(*value)));
  }
  /// Throws unless an option that our model has no counterpart for is off.
  void refuse(const std::string& key) const {
    const PickleNode* value = find(key);
    const bool off = value == nullptr || (value->integer == 0 && value->number == 0.0 &&
                                          value->text.empty() && value->items.empty());
    demand(off, key, "off, since this program's model has no such thing", value);
  }

 private:
  const PickleNode* entry(std::string_view key) const {
    const PickleNode* value = file_.pickle().find(file_.root(), key);
    return value == nullptr || value->kind == PickleKind::None ? nullptr : value;
  }
  void add(const PickleNode* map) {
    if (map != nullptr && file_.pickle().as_dict(*map) != nullptr) maps_.push_back(map);
  }

  const TorchFile& file_;
  std::vector<const PickleNode*> maps_;
};

std::string activation_of(const Options& options) {
  const PickleNode* value = options.find("activation_fn");
  if (value == nullptr) return "relu";  // all there was before the option
  constexpr std::array<std::pair<std::string_view, const char*>, 4> kNames{
      {{"relu", "relu"},
       {"gelu", "gelu"},
       {"gelu_accurate", "gelu_tanh"},
       {"gelu_fast", "gelu_tanh"}}};
  for (const auto& [name, ours] : kNames)
    if (value->kind == PickleKind::Text && value->text == name) return ours;
  options.demand(false, "activation_fn", "relu, gelu, gelu_accurate or gelu_fast", value);
  unreachable();
}

DropoutConfig dropout_of(const Options& options) {
  DropoutConfig dropout;
  dropout.embedding = dropout.residual = options.probability("dropout");
  dropout.attention = options.probability("attention_dropout");
  dropout.activation = options.probability("activation_dropout");
  if (dropout.activation == 0.0) dropout.activation = options.probability("relu_dropout");
  dropout.head = dropout.tail = options.probability("adaptive_softmax_dropout");
  return dropout;
}

}  // namespace

FairseqOptions read_fairseq_options(const TorchFile& file) {
  const Options options(file);
  for (const char* key : {"character_embeddings", "decoder_learned_pos", "layernorm_embedding",
                          "base_layers", "add_bos_token"})
    options.refuse(key);
  FairseqOptions result;
  result.num_heads = options.positive("decoder_attention_heads");
  result.activation = activation_of(options);
  result.norm_placement = options.boolean("decoder_normalize_before", false) ? "pre" : "post";
  result.scale_embedding = !options.boolean("no_scale_embedding", false);
  result.share_embedding = options.boolean("share_decoder_input_output_embed", false);
  result.position_embedding = !options.boolean("no_token_positional_embeddings", false);
  result.dropout = dropout_of(options);
  result.seq_len = options.positive("tokens_per_sample");
  return result;
}

}  // namespace longspan::interop
