// The gradient is read before the update, which may use it up, and the update is what the
// parameters differ by: so no optimizer need tell what it does.

#include "train/layer_norms.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <cmath>

#include "longspan/optim/norms.h"

namespace longspan {
namespace {

constexpr std::string_view kLayers = "layers.";

std::string layer_of(const std::string& parameter) {
  const std::size_t first = parameter.starts_with(kLayers) ? kLayers.size() : 0;
  return parameter.substr(0, parameter.find('.', first));
}

}  // namespace

LayerNormMeter::LayerNormMeter(const NamedTensors& parameters, double scale) {
  const at::NoGradGuard no_gradient;
  std::vector<std::vector<at::Tensor>> gradients;
  for (const auto& [name, tensor] : parameters) {
    const std::string layer = layer_of(name);
    auto place =
        std::ranges::find(layers_, layer, [](const Layer& each) { return each.norms.layer; });
    if (place == layers_.end()) {
      place = layers_.insert(place, Layer{{}, {}, {layer}});
      gradients.emplace_back();
    }
    place->now.push_back(tensor.detach());
    place->before.push_back(place->now.back().clone());
    gradients[static_cast<std::size_t>(place - layers_.begin())].push_back(tensor.grad());
  }
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    layers_[i].norms.gradient = norm_of(gradients[i]) * std::abs(scale);
    layers_[i].norms.weight = norm_of(layers_[i].before);
  }
}

std::vector<LayerNorms> LayerNormMeter::finish() const {
  const at::NoGradGuard no_gradient;
  std::vector<LayerNorms> result;
  for (const Layer& layer : layers_) {
    std::vector<at::Tensor> changes;
    for (std::size_t i = 0; i < layer.now.size(); ++i)
      changes.push_back(layer.now[i] - layer.before[i]);
    result.push_back(layer.norms);
    result.back().update = norm_of(changes);
  }
  return result;
}

std::vector<LayerNorms> LayerNormMeter::finish(Communicator& communicator) const {
  std::vector<LayerNorms> result = finish();
  std::vector<double> own;
  for (const LayerNorms& layer : result)
    for (const double norm : {layer.gradient, layer.weight, layer.update})
      own.push_back(norm * norm);
  std::vector<double> sums(own.size(), 0.0);
  for (const at::Tensor& squares : communicator.all_gather(at::tensor(own, at::kDouble)))
    for (std::size_t i = 0; i < sums.size(); ++i)
      sums[i] += squares[static_cast<std::int64_t>(i)].item<double>();
  for (std::size_t i = 0; i < result.size(); ++i) {
    result[i].gradient = std::sqrt(sums[3 * i]);
    result[i].weight = std::sqrt(sums[3 * i + 1]);
    result[i].update = std::sqrt(sums[3 * i + 2]);
  }
  return result;
}

}  // namespace longspan
