// How an optimizer's state comes back, and the text of each refusal; a refused state changes
// nothing.
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include "longspan/core/error.h"
#include "optim/kinds.h"
#include "support/trainable.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

namespace longspan::testing {
namespace {

using Catch::Matchers::ContainsSubstring;

void check_refused(Optimizer& optimizer, const NamedTensors& state, const std::string& text) {
  const NamedTensors before = copies(optimizer.state());
  try {
    optimizer.load_state(state);
    FAIL("accepted a state without " << text);
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::Checkpoint);
    CHECK_THAT(error.what(), ContainsSubstring(text));
  }
  const NamedTensors after = optimizer.state();
  for (std::size_t i = 0; i < before.size(); ++i) CHECK(before[i].tensor.equal(after[i].tensor));
}

TEST_CASE("state is named by slot and parameter") {
  const NamedTensors parameters = {{"w", random_tensor({2, 3}, 1)}, {"b", random_tensor({3}, 2)}};
  std::vector<std::string> names;
  for (const auto& [name, tensor] : make_nag({}, parameters)->state()) names.push_back(name);
  CHECK(names == std::vector<std::string>{"momentum.w", "momentum.b", "previous_lr"});
  names.clear();
  for (const auto& [name, tensor] : make_adamw({}, parameters)->state()) names.push_back(name);
  CHECK(names == std::vector<std::string>{"exp_avg.w", "exp_avg.b", "exp_avg_sq.w", "exp_avg_sq.b",
                                          "step.w", "step.b"});
}

TEST_CASE("a state that does not fit is refused by the tensor's name") {
  const NamedTensors parameters = {{"w", random_tensor({2, 3}, 1)}, {"b", random_tensor({3}, 2)}};
  const auto optimizer = make_nag({}, parameters);
  set_gradients(parameters, 4);
  optimizer->step(0.1);
  const NamedTensors good = copies(optimizer->state());

  NamedTensors state = good;
  state.erase(state.begin() + 1);
  check_refused(*optimizer, state, "lacks the tensor momentum.b");
  state = good;
  state.push_back({"exp_avg.w", at::zeros({2, 3})});
  check_refused(*optimizer, state, "does not, exp_avg.w");
  state = good;
  state[0].tensor = at::zeros({3, 2});
  check_refused(*optimizer, state, "momentum.w must have the shape [2, 3], got [3, 2]");
  state = good;
  state[1].tensor = at::zeros({3}, at::kDouble);
  check_refused(*optimizer, state, "momentum.b must have the type Float, got Double");
  state = good;
  state.push_back(state[0]);
  check_refused(*optimizer, state, "twice momentum.w");
}

TEST_CASE("a loaded state is a copy") {
  const NamedTensors parameters = {{"w", random_tensor({2, 3}, 1)}};
  const auto optimizer = make_nag({}, parameters);
  const NamedTensors given = {{"momentum.w", random_tensor({2, 3}, 9)},
                              {"previous_lr", random_tensor({}, 10, at::kDouble)}};
  optimizer->load_state(given);
  given[0].tensor.zero_();
  CHECK(optimizer->state()[0].tensor.equal(random_tensor({2, 3}, 9)));
}

}  // namespace
}  // namespace longspan::testing
