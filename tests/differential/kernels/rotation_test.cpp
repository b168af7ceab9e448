// Every kernel of rotations against the plain one, partial heads included.

#include "longspan/kernels/rotation.h"

#include "kernels/kernel_tables.h"
#include "support/tensors.h"

namespace longspan {
namespace {

using testing::difference;
using testing::random_tensor;

constexpr std::int64_t B = 2, T = 5, H = 3, K = 14;

RotaryAngles some_angles(std::int64_t num_pairs, at::ScalarType dtype) {
  const auto angle_TF = random_tensor({T, num_pairs}, 7, at::kDouble).mul(9.0);
  return {angle_TF.cos().to(dtype), angle_TF.sin().to(dtype)};
}

TEST_CASE("rotations and their gradients equal the plain ones") {
  const auto pairing = GENERATE(RotaryPairing::Interleaved, RotaryPairing::HalfSplit);
  const auto num_pairs = GENERATE(std::int64_t{3}, std::int64_t{7});
  const auto dtype = GENERATE(at::kFloat, at::kDouble);
  const auto angles = some_angles(num_pairs, dtype);
  const auto weights = random_tensor({B, T, H, K}, 2, dtype);
  const auto run = [&](const Kernel<RotationRun>& kernel) {
    auto x = random_tensor({B, T, H, K}, 1, dtype).requires_grad_();
    const auto output = kernel.run(x, angles, pairing);
    output.mul(weights).sum().backward();
    return std::pair{output, x.grad()};
  };
  const auto kernels = rotation_kernels();
  const auto [plain, plain_gradient] = run(kernels.back());
  // Two products and a sum of numbers below one: three roundings.
  const double tolerance = dtype == at::kDouble ? 4e-16 : 2e-7;
  for (const auto& kernel : kernels.first(kernels.size() - 1)) {
    INFO(kernel.name);
    if (!kernel.takes({c10::kCPU, dtype})) continue;
    const auto [output, gradient] = run(kernel);
    CHECK(difference(output, plain, tolerance) == "");
    CHECK(difference(gradient, plain_gradient, tolerance) == "");
  }
}

TEST_CASE("bfloat16 is turned in float32 and rounded once, and so is its gradient") {
  const auto pairing = GENERATE(RotaryPairing::Interleaved, RotaryPairing::HalfSplit);
  const auto num_pairs = GENERATE(std::int64_t{3}, std::int64_t{7});
  const auto angles = some_angles(num_pairs, at::kFloat);
  const auto d_y = random_tensor({B, T, H, K}, 2, at::kBFloat16);
  const auto run = [&](at::ScalarType dtype) {
    auto x = random_tensor({B, T, H, K}, 1, at::kBFloat16).to(dtype).requires_grad_();
    const auto y = rotate_pairs(x, angles, pairing);
    CHECK(y.scalar_type() == dtype);
    y.backward(d_y.to(dtype));
    return std::pair{y.to(at::kBFloat16), x.grad().to(at::kBFloat16)};
  };
  const auto [narrow, narrow_gradient] = run(at::kBFloat16);
  const auto [wide, wide_gradient] = run(at::kFloat);
  CHECK(narrow.equal(wide));
  CHECK(narrow_gradient.equal(wide_gradient));
}

TEST_CASE("heads that lie in the rows of a product, or apart, are turned as those that do not") {
  const auto dtype = GENERATE(at::kFloat, at::kDouble, at::kBFloat16);
  const auto angles = some_angles(7, dtype);
  const auto in_rows =
      random_tensor({B, T, 3 * H * K}, 1, dtype).narrow(2, H * K, H * K).unflatten(2, {H, K});
  const auto apart = random_tensor({B, H, T, K}, 1, dtype).transpose(1, 2);
  for (const auto& x : {in_rows, apart}) {
    const auto turned = rotate_pairs(x, angles, RotaryPairing::Interleaved);
    CHECK(turned.equal(rotate_pairs(x.contiguous(), angles, RotaryPairing::Interleaved)));
    CHECK(turned.is_contiguous());
  }
}

}  // namespace
}  // namespace longspan
