// Steps through the GPU's kernels, on the emulator, beside those of the CPU; and what a step asks
// of a GPU, counted on the CPU.

#include <ATen/record_function.h>

#include <cmath>
#include <set>
#include <string>

#include "emulator/counted_gpu.h"
#include "emulator/launches.h"
#include "support/optimizers.h"
#include "support/trainable.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators_all.hpp>

namespace longspan::testing {
namespace {

constexpr ClipRule kRule{.scale = 0.25, .clip_norm = 1.0};

// Parameters and state after some steps, one of them without a gradient of the second parameter and
// one with a gradient that is not finite.
NamedTensors after_steps(const std::string& kind, at::ScalarType type = at::kFloat) {
  const NamedTensors parameters = random_parameters(21, type);
  const auto optimizer = optimizer_config(kind, ", weight_decay: 0.4").make(parameters);
  std::uint64_t seed = 1000;
  for (const double lr : {1e-2, 0.03, 0.02, 0.0, 0.025}) {
    set_gradients(parameters, seed++);
    if (lr == 0.02) parameters[1].tensor.mutable_grad().reset();
    const auto numbers = gradient_numbers(parameters, kRule, at::zeros({}, at::kDouble));
    optimizer->step(lr, numbers.select(0, 2));
  }
  NamedTensors all = copies(parameters);
  for (auto& tensor : copies(optimizer->state())) all.push_back(tensor);
  return all;
}

double largest_difference(const NamedTensors& some, const NamedTensors& others) {
  double difference = 0.0;
  REQUIRE(some.size() == others.size());
  for (std::size_t i = 0; i < some.size(); ++i)
    difference = std::max(
        difference, (some[i].tensor.to(at::kDouble) - others[i].tensor).abs().max().item<double>());
  return difference;
}

TEST_CASE("steps by emulated kernels are as near to float64 as the CPU's") {
  const auto kind = GENERATE(from_range(optimizer_kinds()));
  INFO(kind);
  const auto exact = after_steps(kind, at::kDouble), on_cpu = after_steps(kind);
  const auto emulated = [&] {
    const emulator::EmulatedGpu gpu;
    auto all = after_steps(kind);
    CHECK(gpu.emulation().counts.contains("norm of gradients"));
    CHECK(gpu.emulation().counts.contains(kind == "adamw" ? "AdamW update" : "momentum update"));
    return all;
  }();
  const double own = largest_difference(on_cpu, exact);
  CHECK(largest_difference(emulated, exact) <= 2.0 * own);
  CHECK(own < 1e-5);
}

TEST_CASE("the norm's numbers are the same on an emulated GPU and on the CPU") {
  const NamedTensors parameters = random_parameters(21);
  set_gradients(parameters, 7);
  const auto loss = at::full({}, GENERATE(3.5, double(NAN)), at::kDouble);
  const auto on_cpu = values_of(gradient_numbers(parameters, kRule, loss));
  const emulator::EmulatedGpu gpu;
  const auto emulated = values_of(gradient_numbers(parameters, kRule, loss));
  REQUIRE(emulated.size() == 3);
  CHECK(std::abs(emulated[1] - on_cpu[1]) <= 1e-14 * on_cpu[1]);
  CHECK(std::isnan(emulated[2]) == std::isnan(loss.item<double>()));
  CHECK(std::isnan(on_cpu[2]) == std::isnan(loss.item<double>()));
  if (!std::isnan(emulated[2])) CHECK(std::abs(emulated[2] - on_cpu[2]) <= 1e-14 * on_cpu[2]);
}

TEST_CASE("a step whose factor is no number changes no parameter and no moving average") {
  const auto kind = GENERATE(from_range(optimizer_kinds()));
  const auto emulates = GENERATE(false, true);
  INFO(kind << (emulates ? ", emulated" : ""));
  std::optional<emulator::EmulatedGpu> gpu;
  if (emulates) gpu.emplace();
  const NamedTensors parameters = random_parameters(21);
  const auto optimizer = optimizer_config(kind).make(parameters);
  set_gradients(parameters, 7);
  optimizer->step(0.1);
  const NamedTensors before = copies(parameters), state = copies(optimizer->state());
  const float bad = GENERATE(float(NAN), float(INFINITY));
  parameters[2].tensor.mutable_grad()[5] = bad;
  const auto numbers = gradient_numbers(parameters, kRule, at::zeros({}, at::kDouble));
  optimizer->step(0.1, numbers.select(0, 2));
  for (std::size_t i = 0; i < parameters.size(); ++i)
    CHECK(parameters[i].tensor.equal(before[i].tensor));
  for (std::size_t i = 0; i < state.size(); ++i)
    if (!state[i].name.starts_with("step."))
      CHECK(optimizer->state()[i].tensor.equal(state[i].tensor));
}

std::multiset<std::string> called;
std::unique_ptr<at::ObserverContext> note(const at::RecordFunction& function) {
  called.insert(function.name());
  return nullptr;
}

TEST_CASE("an update of any number of tensors is three kernels, and reads none of their results") {
  const auto kind = GENERATE(from_range(optimizer_kinds()));
  INFO(kind);
  emulator::CountedGpu gpu;
  NamedTensors parameters;
  for (int layer = 0; layer < 16; ++layer)
    for (auto& parameter : random_parameters(21)) parameters.push_back(std::move(parameter));
  const auto optimizer = optimizer_config(kind).make(parameters);
  set_gradients(parameters, 7);
  const auto loss = at::zeros({}, at::kDouble);
  called.clear();
  const auto handle =
      at::addGlobalCallback(at::RecordFunctionCallback(note).scopes({at::RecordScope::FUNCTION}));
  const auto numbers = gradient_numbers(parameters, kRule, loss);
  optimizer->step(0.1, numbers.select(0, 2));
  at::removeCallback(handle);
  CHECK(gpu.take_count() == 3);
  for (const auto& name : called) {
    INFO(name);
    CHECK((name == "aten::empty" || name == "aten::select" || name == "aten::as_strided" ||
           name == "aten::to" || name == "aten::contiguous"));
  }
  CHECK(called.count("aten::to") <= 2);  // the tables
}

}  // namespace
}  // namespace longspan::testing
