// The norms of layers against sums over all elements.

#include "train/layer_norms.h"

#include <ATen/core/grad_mode.h>

#include <cmath>

#include "support/torch_catch.h"
#include "support/trainable.h"
#include "train/metric_row.h"

namespace longspan {
namespace {

using testing::random_tensor;

double norm(const std::vector<at::Tensor>& tensors) {
  double squares = 0.0;
  for (const at::Tensor& tensor : tensors) {
    const at::Tensor flat = tensor.to(at::kDouble).flatten();
    for (std::int64_t i = 0; i < flat.numel(); ++i)
      squares += flat[i].item<double>() * flat[i].item<double>();
  }
  return std::sqrt(squares);
}

/// Both are sums of up to 200 squares in double, in two orders.
void check_near(double found, double wanted) {
  CHECK(std::abs(found / wanted - 1.0) < 200 * 0x1p-53);
}

TEST_CASE("a layer's norms are those of its tensors together") {
  const NamedTensors parameters{{"embedding.weight", random_tensor({7, 3}, 1)},
                                {"layers.0.attention.weight", random_tensor({3, 5}, 2)},
                                {"layers.0.ffn.bias", random_tensor({5}, 3)},
                                {"layers.10.ffn.bias", random_tensor({11}, 4)},
                                {"layers.1.ffn.bias", random_tensor({4}, 5)}};
  testing::set_gradients(parameters, 9);
  const auto tensor = [&](std::size_t i) { return parameters[i].tensor; };
  const auto gradient = [&](std::size_t i) { return tensor(i).grad().clone(); };
  const NamedTensors before = testing::copies(parameters);
  const std::vector<at::Tensor> gradients_of_0{gradient(1) * 0.5, gradient(2) * 0.5};
  const LayerNormMeter meter(parameters, -0.5);
  const at::NoGradGuard no_gradient;
  tensor(1).add_(0.25);
  tensor(4).mul_(2.0);
  for (const auto& parameter : parameters) parameter.tensor.mutable_grad().reset();

  const auto layers = meter.finish();
  REQUIRE(layers.size() == 4);
  CHECK(layers[0].layer == "embedding");
  CHECK(layers[1].layer == "layers.0");
  CHECK(layers[2].layer == "layers.10");
  CHECK(layers[3].layer == "layers.1");
  check_near(layers[1].gradient, norm(gradients_of_0));
  check_near(layers[1].weight, norm({before[1].tensor, before[2].tensor}));
  check_near(layers[1].update, norm({tensor(1) - before[1].tensor}));
  CHECK(layers[2].update == 0.0);
  check_near(layers[3].update, layers[3].weight);
}

TEST_CASE("a parameter without a gradient counts as 0") {
  const NamedTensors parameters{{"head.weight", random_tensor({2, 3}, 1)}};
  const auto layers = LayerNormMeter(parameters, 1.0).finish();
  REQUIRE(layers.size() == 1);
  CHECK(layers[0].gradient == 0.0);
  check_near(layers[0].weight, norm({parameters[0].tensor}));
}

TEST_CASE("a row names the norm and then the layer") {
  MetricRow row;
  CHECK(to_json(row).dump().find("_norm/") == std::string::npos);
  row.layer_norms = {{"layers.3", 1.0, 2.0, 0.5}};
  const Json json = to_json(row);
  CHECK(json["grad_norm/layers.3"] == 1.0);
  CHECK(json["weight_norm/layers.3"] == 2.0);
  CHECK(json["update_norm/layers.3"] == 0.5);
}

}  // namespace
}  // namespace longspan
