// Products of matrices by whichever library is the faster here, against float64.

#include "longspan/kernels/products.h"

#include <ATen/Parallel.h>

#include <cmath>

#include "support/tensors.h"

namespace longspan {
namespace {

using testing::difference;
using testing::random_tensor;

at::Tensor wide(const at::Tensor& x) { return x.to(at::kDouble); }

struct Sizes {
  std::int64_t rows, inner, columns;
};

// Rounding of a sum of `inner` products of numbers below 5 that comes to less than 25 sqrt(inner).
double tolerance(std::int64_t inner) {
  const auto terms = static_cast<double>(inner);
  return terms * 25 * std::sqrt(terms) * std::exp2(-24);
}

TEST_CASE("products of few and many rows, as they lie and transposed, are those of float64") {
  const auto [M, K, N] =
      GENERATE(Sizes{1, 40, 30}, Sizes{2, 33, 7}, Sizes{9, 64, 48}, Sizes{63, 20, 50},
               Sizes{64, 48, 96}, Sizes{300, 65, 1}, Sizes{130, 1, 20}, Sizes{257, 129, 65});
  INFO(M << " x " << K << " x " << N);
  const at::Tensor a = random_tensor({M, K}, 1), b = random_tensor({K, N}, 2),
                   a_turned = a.t().contiguous().t(), b_turned = b.t().contiguous().t(),
                   start = random_tensor({M, N}, 3), exact = at::mm(wide(a), wide(b));
  for (const at::Tensor& left : {a, a_turned})
    for (const at::Tensor& right : {b, b_turned}) {
      CHECK(difference(wide(product(left, right)), exact, tolerance(K)) == "");
      at::Tensor out = at::full({M, N}, 7.0), sum = start.clone();
      product_out(out, left, right);
      CHECK(difference(wide(out), exact, tolerance(K)) == "");
      add_product(sum, left, right);
      CHECK(difference(wide(sum), exact + wide(start), tolerance(K + 1)) == "");
    }
}

TEST_CASE("products of no rows, or over nothing, are empty or zero") {
  CHECK(product(at::zeros({0, 5}), at::zeros({5, 4})).sizes() == at::IntArrayRef({0, 4}));
  CHECK(product(at::zeros({70, 0}), at::zeros({0, 4})).equal(at::zeros({70, 4})));
  CHECK(linear_layer(at::zeros({0, 5}), at::zeros({4, 5}), {}).sizes() == at::IntArrayRef({0, 4}));
}

TEST_CASE("a linear layer and its gradients are those of float64") {
  const bool has_bias = GENERATE(false, true);
  const auto rows = GENERATE(1, 3, 70);
  INFO(rows << " rows" << (has_bias ? ", bias" : ""));
  const std::int64_t I = 24, O = 40;
  struct Found {
    at::Tensor y, d_x, d_weight, d_bias;
  };
  const auto run = [&](at::ScalarType dtype) {
    const auto leaf = [&](at::IntArrayRef sizes, std::uint64_t seed) {
      return random_tensor(sizes, seed, at::kFloat).to(dtype).requires_grad_();
    };
    const auto x = leaf({2, rows, I}, 1), weight = leaf({O, I}, 2),
               bias = has_bias ? leaf({O}, 3) : at::Tensor();
    const auto y = linear_layer(x, weight, bias);
    (y * random_tensor({2, rows, O}, 4, at::kFloat).to(dtype)).sum().backward();
    return Found{y.detach(), x.grad(), weight.grad(), has_bias ? bias.grad() : at::zeros({1})};
  };
  const auto found = run(at::kFloat), exact = run(at::kDouble);
  CHECK(difference(wide(found.y), exact.y, tolerance(I + 1)) == "");
  CHECK(difference(wide(found.d_x), exact.d_x, tolerance(O)) == "");
  CHECK(difference(wide(found.d_weight), exact.d_weight, tolerance(2 * rows)) == "");
  CHECK(difference(wide(found.d_bias), wide(exact.d_bias), tolerance(2 * rows)) == "");
}

TEST_CASE(
    "a few rows times a weight are those of float64, with the bits of any number of threads") {
  const auto dtype = GENERATE(at::kFloat, at::kBFloat16);
  const auto rows = GENERATE(1, 2, 4);
  const auto inner = GENERATE(1, 15, 16, 100, 1030);
  const auto columns = GENERATE(4, 9, 130);
  const bool has_bias = GENERATE(false, true);
  INFO(rows << " x " << inner << " x " << columns << ", " << dtype << (has_bias ? ", bias" : ""));
  // Every other row of a wider matrix, as a part of a joint weight may lie.
  const at::Tensor x_NI = random_tensor({rows, inner}, 1).to(dtype),
                   weight_OI =
                       random_tensor({columns, 2 * inner}, 2).to(dtype).narrow(1, 3 % inner, inner),
                   bias_O = has_bias ? random_tensor({columns}, 3).to(dtype) : at::Tensor();
  at::Tensor exact_NO = at::mm(wide(x_NI), wide(weight_OI).t()),
             bound_NO = at::mm(wide(x_NI).abs(), wide(weight_OI).abs().t());
  if (has_bias) {
    exact_NO += wide(bias_O);
    bound_NO += wide(bias_O).abs();
  }
  // Each term is rounded when it is multiplied and at most once with each sum that it is in; the
  // whole once more where the result is narrow.
  bound_NO *= static_cast<double>(inner + 2) * std::exp2(-24);
  if (dtype == at::kBFloat16) bound_NO += exact_NO.abs() * std::exp2(-8) * 1.01;
  std::vector<at::Tensor> found;
  const int before = at::get_num_threads();
  for (const int threads : {1, 2}) {
    at::set_num_threads(threads);
    found.push_back(linear_product(x_NI, weight_OI, bias_O));
    CHECK(found.back().scalar_type() == dtype);
    CHECK(((wide(found.back()) - exact_NO).abs() <= bound_NO).all().item<bool>());
    const at::NoGradGuard no_gradient;
    CHECK(linear_layer(x_NI, weight_OI, bias_O).equal(found.back()));
  }
  at::set_num_threads(before);
  CHECK(found.front().equal(found.back()));
}

TEST_CASE("layers of one input have the bits that each has alone, few rows or many") {
  const auto rows = GENERATE(1, 4, 80);
  const int threads = GENERATE(1, 2);
  const auto x = random_tensor({2, rows, 70}, 1);
  std::vector<WeightAndBias> layers;
  for (const std::int64_t columns : {1, 33, 2000, 66})
    layers.push_back({random_tensor({columns, 70}, 2), random_tensor({columns}, 3)});
  layers[1].bias_O = at::Tensor();
  const int before = at::get_num_threads();
  at::set_num_threads(threads);
  const at::NoGradGuard no_gradient;
  const auto found = linear_layers(x, layers);
  REQUIRE(found.size() == layers.size());
  for (std::size_t i = 0; i < layers.size(); ++i) {
    INFO(rows << " rows, layer " << i);
    CHECK(found[i].equal(linear_layer(x, layers[i].weight_OI, layers[i].bias_O)));
    CHECK(difference(found[i], at::linear(x, layers[i].weight_OI, layers[i].bias_O), 1e-5) == "");
  }
  at::set_num_threads(before);
}

TEST_CASE("only the gradients that are wanted are formed") {
  const auto x = random_tensor({80, 16}, 1), weight = random_tensor({32, 16}, 2).requires_grad_();
  linear_layer(x, weight, {}).sum().backward();
  CHECK(weight.grad().defined());
  const auto y = random_tensor({80, 32}, 3).requires_grad_();
  linear_layer_back(y, weight.detach()).sum().backward();
  CHECK(difference(y.grad(), weight.detach().sum(1).expand({80, 32}), 1e-4) == "");
}

TEST_CASE("a product back through a linear layer, and its gradients, are those of float64") {
  const auto run = [](at::ScalarType dtype) {
    const auto x = random_tensor({70, 40}, 1, at::kFloat).to(dtype).requires_grad_(),
               weight = random_tensor({40, 24}, 2, at::kFloat).to(dtype).requires_grad_();
    const auto y = linear_layer_back(x, weight);
    (y * random_tensor({70, 24}, 3, at::kFloat).to(dtype)).sum().backward();
    return std::vector<at::Tensor>{y.detach(), x.grad(), weight.grad()};
  };
  const auto found = run(at::kFloat), exact = run(at::kDouble);
  for (std::size_t i = 0; i < found.size(); ++i)
    CHECK(difference(wide(found[i]), exact[i], tolerance(70)) == "");
}

}  // namespace
}  // namespace longspan
