// Norm, scaling and clipping of gradients against plain loops, and their independence of the number
// of threads.
#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include <cmath>
#include <limits>

#include "longspan/optim/optimizer.h"
#include "support/trainable.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>

namespace longspan::testing {
namespace {

using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;

double plain_norm(const NamedTensors& parameters) {
  double sum = 0.0;
  for (const auto& [name, tensor] : parameters) {
    if (!tensor.grad().defined()) continue;
    for (const double value : values_of(tensor.grad())) sum += value * value;
  }
  return std::sqrt(sum);
}

TEST_CASE("gradient_norm is the norm over all gradients times the scale") {
  for (const auto type : {at::kFloat, at::kDouble}) {
    const NamedTensors parameters = random_parameters(5, type);
    CHECK(gradient_norm(parameters, 1.0) == 0.0);
    set_gradients(parameters, 11);
    parameters[1].tensor.mutable_grad() = at::Tensor();
    CHECK_THAT(gradient_norm(parameters, 1.0), WithinRel(plain_norm(parameters), 1e-13));
    CHECK_THAT(gradient_norm(parameters, 0.25), WithinRel(0.25 * plain_norm(parameters), 1e-13));
  }
}

TEST_CASE("gradients that are not contiguous count like others") {
  const NamedTensors parameters = {{"w", random_tensor({5, 3}, 1)}};
  parameters[0].tensor.mutable_grad() = random_tensor({3, 5}, 2).t();
  const double norm = gradient_norm(parameters, 1.0);
  CHECK_THAT(norm, WithinRel(plain_norm(parameters), 1e-13));
  scale_gradients(parameters, 2.0);
  CHECK_THAT(gradient_norm(parameters, 1.0), WithinRel(2.0 * norm, 1e-13));
}

TEST_CASE("a gradient that is not finite shows in the norm") {
  const NamedTensors parameters = random_parameters(5);
  set_gradients(parameters, 11);
  parameters[2].tensor.mutable_grad().mutable_data_ptr<float>()[4] =
      std::numeric_limits<float>::quiet_NaN();
  CHECK(std::isnan(gradient_norm(parameters, 1.0)));
  parameters[2].tensor.mutable_grad().mutable_data_ptr<float>()[4] =
      std::numeric_limits<float>::infinity();
  CHECK(std::isinf(gradient_norm(parameters, 1.0)));
}

TEST_CASE("scale_gradients multiplies every element") {
  const NamedTensors parameters = random_parameters(7);
  set_gradients(parameters, 3);
  std::vector<std::vector<double>> before;
  for (const auto& [name, tensor] : parameters) before.push_back(values_of(tensor.grad()));
  scale_gradients(parameters, 0.5);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const std::vector<double> after = values_of(parameters[i].tensor.grad());
    for (std::size_t j = 0; j < after.size(); ++j) REQUIRE(after[j] == 0.5 * before[i][j]);
  }
}

TEST_CASE("gradient_norm has the same bits on one and on more threads") {
  const NamedTensors parameters = {{"w", random_tensor({313, 521}, 1)},
                                   {"b", random_tensor({50021}, 2)}};
  set_gradients(parameters, 8);
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const double alone = gradient_norm(parameters, 1.0);
  for (const int count : {2, 3, 5}) {
    at::set_num_threads(count);
    CHECK(gradient_norm(parameters, 1.0) == alone);
  }
  at::set_num_threads(threads);
}

TEST_CASE("clip_factor is fairseq's") {
  CHECK(clip_factor(5.0, 0.0) == 1.0);
  CHECK(clip_factor(0.05, 0.1) == 1.0);
  CHECK_THAT(clip_factor(0.4, 0.1), WithinAbs(0.1 / 0.400001, 1e-15));
}

}  // namespace
}  // namespace longspan::testing
