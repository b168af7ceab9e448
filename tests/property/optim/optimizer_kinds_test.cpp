// What every optimizer must do, over all kinds.
#include <ATen/ops/empty.h>

#include <cmath>
#include <string>

#include "longspan/optim/optimizer.h"
#include "support/trainable.h"

#include <catch2/catch_test_macros.hpp>

namespace longspan::testing {
namespace {

// Loss 0.5 sum of curvature * x^2 with curvatures from 0.2 to 2; sets the gradient.
double quadratic(const NamedTensors& parameters) {
  double loss = 0.0;
  for (const auto& [name, tensor] : parameters) {
    at::Tensor gradient = tensor.detach().clone();
    auto* g = gradient.mutable_data_ptr<float>();
    for (std::int64_t i = 0; i < gradient.numel(); ++i) {
      const float curvature = 0.2f + 1.8f * static_cast<float>(i % 7) / 6.0f;
      loss += 0.5 * curvature * g[i] * g[i];
      g[i] *= curvature;
    }
    tensor.mutable_grad() = gradient;
  }
  return loss;
}

NamedTensors small_parameters(std::uint64_t seed) {
  return {{"w", random_tensor({5, 3}, seed)},
          {"b", random_tensor({4}, seed + 1)},
          {"s", random_tensor({}, seed + 2)}};
}

TEST_CASE("every optimizer goes down a quadratic") {
  for (const std::string& kind : optimizer_kinds()) {
    const NamedTensors parameters = small_parameters(3);
    const auto optimizer = make_optimizer({.kind = kind, .momentum = 0.8}, parameters);
    const double start = quadratic(parameters);
    for (int step = 0; step < 200; ++step) {
      quadratic(parameters);
      optimizer->step(0.05);
    }
    INFO(kind);
    CHECK(quadratic(parameters) < 1e-3 * start);
  }
}

TEST_CASE("every optimizer goes on bit for bit from a saved state") {
  for (const std::string& kind : optimizer_kinds()) {
    const OptimizerConfig config{.kind = kind, .momentum = 0.9, .weight_decay = 0.05};
    const NamedTensors parameters = small_parameters(8);
    const auto optimizer = make_optimizer(config, parameters);
    const auto step = [](const NamedTensors& on, Optimizer& by, int number) {
      set_gradients(on, 70 + static_cast<std::uint64_t>(number));
      by.step(0.1 / (1 + number));
    };
    for (int number = 0; number < 3; ++number) step(parameters, *optimizer, number);
    const NamedTensors resumed = copies(parameters), state = copies(optimizer->state());
    const auto fresh = make_optimizer(config, resumed);
    fresh->load_state(state);
    for (int number = 3; number < 7; ++number) {
      step(parameters, *optimizer, number);
      step(resumed, *fresh, number);
    }
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      INFO(kind << " " << parameters[i].name);
      CHECK(parameters[i].tensor.equal(resumed[i].tensor));
    }
  }
}

TEST_CASE("every optimizer leaves a parameter without a gradient alone") {
  for (const std::string& kind : optimizer_kinds()) {
    const NamedTensors parameters = small_parameters(5);
    const auto optimizer = make_optimizer({.kind = kind, .weight_decay = 0.1}, parameters);
    set_gradients(parameters, 1);
    optimizer->step(0.1);
    const NamedTensors before = copies(parameters), state_before = copies(optimizer->state());
    parameters[0].tensor.mutable_grad() = at::Tensor();
    optimizer->step(0.2);
    INFO(kind);
    CHECK(parameters[0].tensor.equal(before[0].tensor));
    CHECK_FALSE(parameters[1].tensor.equal(before[1].tensor));
    const NamedTensors state = optimizer->state();
    for (std::size_t i = 0; i < state.size(); ++i) {
      if (state[i].name.ends_with(".w")) CHECK(state[i].tensor.equal(state_before[i].tensor));
    }
  }
}

TEST_CASE(
    "every optimizer keeps its parameters' storage and type, and leaves no trace in autograd") {
  for (const std::string& kind : optimizer_kinds()) {
    const NamedTensors parameters = {{"w", random_tensor({2, 3}, 1).requires_grad_()}};
    const void* const storage = parameters[0].tensor.const_data_ptr();
    const auto optimizer = make_optimizer({.kind = kind}, parameters);
    set_gradients(parameters, 2);
    optimizer->step(0.1);
    INFO(kind);
    CHECK(parameters[0].tensor.const_data_ptr() == storage);
    CHECK(parameters[0].tensor.is_leaf());
    for (const auto& [name, tensor] : optimizer->state()) CHECK_FALSE(tensor.requires_grad());
  }
}

}  // namespace
}  // namespace longspan::testing
