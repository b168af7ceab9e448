// What every optimizer must do, over all kinds.
#include <ATen/ops/empty.h>

#include <map>
#include <string>

#include "support/optimizers.h"
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

// Options with which a kind settles soon; the others do with their defaults.
const std::map<std::string, std::string> kQuickOptions{{"nag", ", momentum: 0.8"},
                                                       {"sgd", ", momentum: 0.8"}};

TEST_CASE("every optimizer goes down a quadratic") {
  for (const std::string& kind : optimizer_kinds()) {
    const NamedTensors parameters = small_parameters(3);
    const auto quick = kQuickOptions.find(kind);
    const auto config = optimizer_config(kind, quick == kQuickOptions.end() ? "" : quick->second);
    const auto optimizer = config.make(parameters);
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
    const OptimizerConfig config = optimizer_config(kind, ", weight_decay: 0.05");
    const NamedTensors parameters = small_parameters(8);
    const auto optimizer = config.make(parameters);
    const auto step = [](const NamedTensors& on, Optimizer& by, int number) {
      set_gradients(on, 70 + static_cast<std::uint64_t>(number));
      by.step(0.1 / (1 + number));
    };
    for (int number = 0; number < 3; ++number) step(parameters, *optimizer, number);
    const NamedTensors resumed = copies(parameters), state = copies(optimizer->state());
    const auto fresh = config.make(resumed);
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
    const auto optimizer = optimizer_config(kind, ", weight_decay: 0.1").make(parameters);
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

// What a rank of a sharded run does, beside what a lone one does.
TEST_CASE("every elementwise optimizer updates rows apart as it updates them together") {
  for (const std::string& kind : optimizer_kinds()) {
    const OptimizerConfig config = optimizer_config(kind, ", weight_decay: 0.05");
    const NamedTensors whole = {{"w", random_tensor({37, 11}, 4)}};
    const NamedTensors upper = {{"w", whole[0].tensor.narrow(0, 0, 16).clone()}};
    const NamedTensors lower = {{"w", whole[0].tensor.narrow(0, 16, 21).clone()}};
    const auto together = config.make(whole);
    if (!together->is_elementwise()) continue;
    const auto above = config.make(upper), below = config.make(lower);
    for (std::uint64_t step = 0; step < 3; ++step) {
      set_gradients(whole, 30 + step);
      const at::Tensor& gradient = whole[0].tensor.grad();
      upper[0].tensor.mutable_grad() = gradient.narrow(0, 0, 16).clone();
      lower[0].tensor.mutable_grad() = gradient.narrow(0, 16, 21).clone();
      for (auto* optimizer : {together.get(), above.get(), below.get()}) optimizer->step(0.1);
    }
    INFO(kind);
    CHECK(whole[0].tensor.narrow(0, 0, 16).equal(upper[0].tensor));
    CHECK(whole[0].tensor.narrow(0, 16, 21).equal(lower[0].tensor));
  }
}

TEST_CASE("every optimizer's options have defaults that can be read again") {
  for (const std::string& kind : optimizer_kinds()) {
    const auto document = config::Document::from_text("kind: " + kind, "test.yaml");
    CHECK(read_optimizer_config(document.root()).kind == kind);
    const std::string resolved = document.resolved();
    const auto again = config::Document::from_text(resolved, "test.yaml");
    read_optimizer_config(again.root());
    CHECK(again.resolved() == resolved);
  }
}

TEST_CASE(
    "every optimizer keeps its parameters' storage and type, and leaves no trace in autograd") {
  for (const std::string& kind : optimizer_kinds()) {
    const NamedTensors parameters = {{"w", random_tensor({2, 3}, 1).requires_grad_()}};
    const void* const storage = parameters[0].tensor.const_data_ptr();
    const auto optimizer = optimizer_config(kind).make(parameters);
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
