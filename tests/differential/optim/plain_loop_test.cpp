// Each optimizer against a plain loop in double, over steps with a changing rate; the fused
// momentum update against the one composed of LibTorch's operators; and the independence of the
// number of threads.
#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>

#include "optim/kinds.h"
#include "optim/momentum.h"
#include "support/optimizers.h"
#include "support/trainable.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators_all.hpp>

namespace longspan::testing {
namespace {

constexpr double kRates[] = {1e-3, 0.3, 0.2, 0.0, 0.25, 0.07};

// One scalar parameter and what its optimizer remembers.
struct Scalar {
  double value = 0.0, first = 0.0, second = 0.0, previous_lr = 1.0;
  int steps = 0;
};

struct Update {
  double gradient, lr, weight_decay;
};

void plain_step(Scalar& x, const Update& update, const NagOptions& options) {
  const auto [g, lr, weight_decay] = update;
  const double mu = options.momentum, c = x.previous_lr > 0 ? lr / x.previous_lr : lr;
  x.value *= 1 - lr * weight_decay;
  x.value += mu * mu * c * x.first - (1 + mu) * lr * g;
  x.first = mu * c * x.first - lr * g;
  x.previous_lr = lr;
}

void plain_step(Scalar& x, const Update& update, const SgdOptions& options) {
  const auto [g, lr, weight_decay] = update;
  x.first = options.momentum * x.first + g;
  x.value = (1 - lr * weight_decay) * x.value - lr * x.first;
}

void plain_step(Scalar& x, const Update& update, const AdamWOptions& options) {
  const auto [g, lr, weight_decay] = update;
  ++x.steps;
  x.value -= lr * weight_decay * x.value;
  x.first = options.beta1 * x.first + (1 - options.beta1) * g;
  x.second = options.beta2 * x.second + (1 - options.beta2) * g * g;
  const double mean = x.first / (1 - std::pow(options.beta1, x.steps));
  const double square = x.second / (1 - std::pow(options.beta2, x.steps));
  x.value -= lr * mean / (std::sqrt(square) + options.eps);
}

template <class Options>
using MakeKind = std::unique_ptr<Optimizer> (*)(const Options&, const NamedTensors&);

// Returns the largest difference between optimizer and plain loop after all rates.
template <class Options>
double largest_difference(MakeKind<Options> make, const Options& options, at::ScalarType type) {
  const NamedTensors parameters = random_parameters(21, type);
  std::vector<std::vector<Scalar>> scalars;
  for (const auto& [name, tensor] : parameters) {
    scalars.emplace_back();
    for (const double value : values_of(tensor)) scalars.back().push_back({.value = value});
  }
  const auto optimizer = make(options, parameters);
  std::uint64_t seed = 1000;
  double difference = 0.0;
  for (const double lr : kRates) {
    set_gradients(parameters, seed++);
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      const double weight_decay = parameters[i].tensor.dim() >= 2 ? options.weight_decay : 0.0;
      const std::vector<double> gradients = values_of(parameters[i].tensor.grad());
      for (std::size_t j = 0; j < gradients.size(); ++j)
        plain_step(scalars[i][j], {gradients[j], lr, weight_decay}, options);
    }
    optimizer->step(lr);
  }
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const std::vector<double> values = values_of(parameters[i].tensor);
    for (std::size_t j = 0; j < values.size(); ++j) {
      difference = std::max(difference, std::abs(values[j] - scalars[i][j].value));
    }
  }
  return difference;
}

template <class Options>
void check_plain(MakeKind<Options> make, const Options& options) {
  CHECK(largest_difference(make, options, at::kFloat) < 1e-5);
  CHECK(largest_difference(make, options, at::kDouble) < 1e-9);
}

TEST_CASE("every optimizer does what the plain loop does") {
  const double weight_decay = GENERATE(0.0, 0.4);
  INFO("weight decay " << weight_decay);
  SECTION("nag") { check_plain<NagOptions>(make_nag, {0.9, weight_decay}); }
  SECTION("sgd") { check_plain<SgdOptions>(make_sgd, {0.9, weight_decay}); }
  SECTION("adamw") {
    check_plain<AdamWOptions>(make_adamw, {.eps = 1e-5, .weight_decay = weight_decay});
  }
}

MomentumGroup random_group(at::ScalarType type) {
  MomentumGroup group;
  for (const auto& [name, tensor] : random_parameters(1, type)) group.parameters.push_back(tensor);
  for (const auto& [name, tensor] : random_parameters(2, type)) group.velocities.push_back(tensor);
  for (const auto& [name, tensor] : random_parameters(3, type)) group.gradients.push_back(tensor);
  return group;
}

double largest_difference(const std::vector<at::Tensor>& some,
                          const std::vector<at::Tensor>& others) {
  double difference = 0.0;
  for (std::size_t i = 0; i < some.size(); ++i) {
    const std::vector<double> a = values_of(some[i]), b = values_of(others[i]);
    for (std::size_t j = 0; j < a.size(); ++j)
      difference = std::max(difference, std::abs(a[j] - b[j]));
  }
  return difference;
}

TEST_CASE("the fused momentum update equals the composed one") {
  const auto [type, limit] =
      GENERATE(table<at::ScalarType, double>({{at::kFloat, 2e-6}, {at::kDouble, 2e-15}}));
  const MomentumRule rule{0.9, 0.81, -0.3, 0.7, -0.2};
  const MomentumGroup fused = random_group(type), composed = random_group(type);
  update_fused(fused, rule);
  update_composed(composed, rule);
  CHECK(largest_difference(fused.parameters, composed.parameters) < limit);
  CHECK(largest_difference(fused.velocities, composed.velocities) < limit);
  CHECK(largest_difference(fused.parameters, random_group(type).parameters) > 0.1);
}

NamedTensors after_steps(const std::string& kind, int threads) {
  at::set_num_threads(threads);
  const NamedTensors parameters = {{"w", random_tensor({313, 521}, 1)},
                                   {"b", random_tensor({50021}, 2)}};
  const auto optimizer = optimizer_config(kind, ", weight_decay: 0.1").make(parameters);
  for (std::uint64_t step = 0; step < 3; ++step) {
    set_gradients(parameters, 50 + step);
    optimizer->step(0.1);
  }
  NamedTensors all = copies(parameters);
  for (auto& tensor : copies(optimizer->state())) all.push_back(tensor);
  return all;
}

TEST_CASE("steps have the same bits on one and on more threads") {
  const int threads = at::get_num_threads();
  for (const std::string& kind : optimizer_kinds()) {
    const NamedTensors alone = after_steps(kind, 1);
    for (const int count : {2, 3, 5}) {
      const NamedTensors together = after_steps(kind, count);
      for (std::size_t i = 0; i < alone.size(); ++i) {
        INFO(kind << " " << alone[i].name << " on " << count);
        CHECK(alone[i].tensor.equal(together[i].tensor));
      }
    }
  }
  at::set_num_threads(threads);
}

}  // namespace
}  // namespace longspan::testing
