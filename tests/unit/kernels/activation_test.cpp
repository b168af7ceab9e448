// Activations on the CPU: those of ATen's operations and counted dropout.

#include "longspan/kernels/activation.h"

#include "longspan/core/error.h"
#include "support/tensors.h"

namespace longspan {
namespace {

using testing::random_tensor;

const RowDropout kDropout{0.25, {7, 3, 5}, at::arange(6, at::kLong)};

at::Tensor plain(Activation activation, const at::Tensor& x, const at::Tensor& gate) {
  switch (activation) {
    case Activation::Relu:
      return at::relu(x);
    case Activation::Gelu:
      return at::gelu(x);
    case Activation::GeluTanh:
      return at::gelu(x, "tanh");
    case Activation::Swiglu:
      return at::silu(gate) * x;
  }
  return {};
}

TEST_CASE("an activation is ATen's, and the dropout behind it the counted one") {
  const auto activation =
      GENERATE(Activation::Relu, Activation::Gelu, Activation::GeluTanh, Activation::Swiglu);
  // Numbers below 5: one rounding of each to bfloat16; see curve_rows.cpp for float32.
  const auto [dtype, tolerance] = GENERATE(table<at::ScalarType, double>(
      {{at::kFloat, 1e-6}, {at::kDouble, 0.0}, {at::kBFloat16, 0x1p-6}}));
  const auto x = random_tensor({6, 72}, 1, dtype), gate = random_tensor({6, 72}, 2, dtype);
  const ActivationInput input{x, activation == Activation::Swiglu ? gate : at::Tensor()};
  if (activation == Activation::Relu) {
    const auto exact = plain(activation, x, gate);
    CHECK(activated(activation, input, {}).equal(exact));
    CHECK(activated(activation, input, kDropout)
              .equal(counted_dropout(exact, kDropout.row_ids, kDropout.p, kDropout.key)));
  }
  const auto expected = plain(activation, x.to(at::kDouble), gate.to(at::kDouble));
  const auto is_near = [&, bound = tolerance](const at::Tensor& found, const at::Tensor& exact) {
    return (found.to(at::kDouble) - exact).abs().max().item<double>() <= bound;
  };
  CHECK(is_near(activated(activation, input, {}), expected));
  CHECK(is_near(activated(activation, input, kDropout),
                counted_dropout(expected, kDropout.row_ids, kDropout.p, kDropout.key)));
}

TEST_CASE("a gate goes with swiglu alone") {
  const auto x = random_tensor({6, 72}, 1);
  CHECK_THROWS_AS(activated(Activation::Swiglu, {x, {}}, {}), Error);
  CHECK_THROWS_AS(activated(Activation::Relu, {x, x}, {}), Error);
}

}  // namespace
}  // namespace longspan
