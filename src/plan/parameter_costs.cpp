// Layers are alike, so one of them is made and counted for all.

#include "plan/parameter_costs.h"

#include "plan/memory.h"

namespace longspan {
namespace {

constexpr std::string_view kFirstLayer = "layers.0.";

bool is_looked_up(const std::string& name) {
  return name == "embed.weight" || name == "embed.band0.weight";
}

// Of an embedding that only looks rows up no weight multiplies a token, and of a rare band no
// weight does for most tokens.
bool multiplies_each_token(const std::string& name, const at::Tensor& tensor,
                           const EmbeddingConfig& embedding) {
  if (tensor.dim() != 2 || name.starts_with("position.")) return false;
  if (const auto band = name.find(".band"); band != std::string::npos && name[band + 5] != '0')
    return false;
  return embedding.tie || !is_looked_up(name);
}

ParameterCost cost_of(const NamedTensor& parameter, const RunConfig& config) {
  const auto& [name, tensor] = parameter;
  const ModelConfig& model = config.model;
  ParameterCost cost{name, tensor.dim() == 0 ? 1 : tensor.size(0), tensor.numel()};
  if (is_looked_up(name)) cost.lookup_bytes = static_cast<double>(kFloatBytes * model.d_model);
  if (!multiplies_each_token(name, tensor, model.embedding)) return cost;
  double products = static_cast<double>(cost.elements);
  if (name.ends_with(".attn.v.weight"))
    products += static_cast<double>(config.data.seq_len * model.heads_dim());
  const bool in_head = name.starts_with("head.") || is_looked_up(name);
  cost.forward_flop = (in_head ? 6.0 : 2.0) * products;
  cost.backward_flop = in_head ? 0.0 : 4.0 * products;
  return cost;
}

// Appends costs[begin, end), tensors of the first layer, once for each layer.
void append_layers(const std::vector<ParameterCost>& costs, std::int64_t num_layers,
                   std::vector<ParameterCost>& all) {
  for (std::int64_t layer = 0; layer < num_layers; ++layer)
    for (ParameterCost cost : costs) {
      cost.name.replace(cost.name.find(kFirstLayer), kFirstLayer.size(),
                        "layers." + std::to_string(layer) + ".");
      all.push_back(std::move(cost));
    }
}

}  // namespace

Transformer model_of_one_layer(RunConfig config, std::int64_t vocab_size) {
  config.model.num_layers = 1;
  return make_unset_model(config, vocab_size);
}

std::vector<ParameterCost> parameter_costs(const RunConfig& config, std::int64_t vocab_size) {
  const Transformer model = model_of_one_layer(config, vocab_size);
  std::vector<ParameterCost> all, of_layer;
  const auto flush = [&] {
    append_layers(of_layer, config.model.num_layers, all);
    of_layer.clear();
  };
  for (const auto& parameter : model.parameters()) {
    const bool in_layer = parameter.name.find(kFirstLayer) != std::string::npos;
    const bool same_run = !of_layer.empty() && of_layer.front().name.starts_with("layers.") ==
                                                   parameter.name.starts_with("layers.");
    if (!in_layer || !same_run) flush();
    (in_layer ? of_layer : all).push_back(cost_of(parameter, config));
  }
  flush();
  return all;
}

double flop_of(const std::vector<ParameterCost>& costs) {
  double flop = 0.0;
  for (const ParameterCost& cost : costs) flop += cost.forward_flop + cost.backward_flop;
  return flop;
}

}  // namespace longspan
