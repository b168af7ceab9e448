// The two layers that every block is made of, with their start values.

#include "model/linear.h"

#include <cmath>

namespace longspan {
namespace {

constexpr double kGpt2Std = 0.02;  // Radford et al. 2019, section 2.3 and its code

Start xavier_uniform(double gain, std::int64_t in, std::int64_t out) {
  return Start::uniform(gain * std::sqrt(6.0 / static_cast<double>(in + out)));
}

}  // namespace

double gpt2_std(const ModelConfig&) { return kGpt2Std; }

double gpt2_residual_std(const ModelConfig& config) {
  return kGpt2Std / std::sqrt(2.0 * static_cast<double>(config.num_layers));
}

LinearStart projection_start(const ModelConfig& config, double gain, std::int64_t in,
                             std::int64_t out) {
  if (config.init == InitScheme::Gpt2)
    return {Start::normal(gpt2_std(config)), Start::constant(0.0)};
  return {xavier_uniform(gain, in, out), Start::uniform(1.0 / std::sqrt(static_cast<double>(in)))};
}

LinearStart torch_default_start(const ModelConfig& config, std::int64_t in, double gpt2_deviation) {
  if (config.init == InitScheme::Gpt2) return {Start::normal(gpt2_deviation), Start::constant(0.0)};
  const Start start = Start::uniform(1.0 / std::sqrt(static_cast<double>(in)));
  return {start, start};
}

Linear::Linear(ParameterList& parameters, const std::string& name, std::int64_t in,
               std::int64_t out, bool has_bias, const LinearStart& start)
    : weight_OI(parameters.add(name + ".weight", {out, in}, start.weight)) {
  if (has_bias) bias_O = parameters.add(name + ".bias", {out}, start.bias);
}

Norm::Norm(ParameterList& parameters, const std::string& name, const ModelConfig& config)
    : weights{parameters.add(name + ".weight", {config.d_model}, Start::constant(1.0)),
              {},
              config.norm_eps,
              config.norm == NormKind::LayerNorm} {
  if (weights.centred && config.bias)
    weights.bias_D = parameters.add(name + ".bias", {config.d_model}, Start::constant(0.0));
}

}  // namespace longspan
