// The tables of optimizer kinds and of their options: a new optimizer adds its line here and
// nothing outside this folder.

#include <algorithm>
#include <array>
#include <string_view>

#include "longspan/core/error.h"
#include "optim/kinds.h"
#include "optim/options.h"

namespace longspan {
namespace {

struct Kind {
  std::string_view name;
  std::unique_ptr<Optimizer> (*make)(const OptimizerConfig&, const NamedTensors&);
};
constexpr std::array kKinds{Kind{"nag", make_nag}, Kind{"adamw", make_adamw},
                            Kind{"sgd", make_sgd}};

struct Option {
  std::string_view key;
  double OptimizerConfig::*field;
  config::NumberRange range;
  std::vector<std::string> kinds;
};
const std::vector<Option>& kind_options() {
  static const std::vector<Option> options{
      {"momentum", &OptimizerConfig::momentum, {.low = 0.0, .below = 1.0}, {"nag", "sgd"}},
      {"beta1", &OptimizerConfig::beta1, {.low = 0.0, .below = 1.0}, {"adamw"}},
      {"beta2", &OptimizerConfig::beta2, {.low = 0.0, .below = 1.0}, {"adamw"}},
      {"eps", &OptimizerConfig::eps, {.high = 1.0, .above = 0.0}, {"adamw"}},
  };
  return options;
}

}  // namespace

std::vector<std::string> optimizer_kinds() {
  std::vector<std::string> names;
  for (const auto& kind : kKinds) names.emplace_back(kind.name);
  return names;
}

OptimizerConfig read_optimizer_config(const config::Reader& reader) {
  OptimizerConfig config;
  config.kind = reader.choice("kind", optimizer_kinds(), config.kind);
  for (const auto& option : kind_options()) {
    if (std::find(option.kinds.begin(), option.kinds.end(), config.kind) == option.kinds.end()) {
      refuse_option(reader, option.key, config.kind, option.kinds);
    } else {
      config.*option.field = reader.number(option.key, option.range, config.*option.field);
    }
  }
  config.weight_decay = reader.number("weight_decay", {.low = 0.0}, config.weight_decay);
  config.clip_norm = reader.number("clip_norm", {.low = 0.0}, config.clip_norm);
  reader.finish();
  return config;
}

std::unique_ptr<Optimizer> make_optimizer(const OptimizerConfig& config,
                                          const NamedTensors& parameters) {
  for (const auto& kind : kKinds) {
    if (kind.name == config.kind) return kind.make(config, parameters);
  }
  unreachable();
}

}  // namespace longspan
