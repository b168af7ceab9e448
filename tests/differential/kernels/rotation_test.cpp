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

TEST_CASE("bfloat16 is turned in float32 and rounded once") {
  const auto angles = some_angles(7, at::kFloat);
  const auto x = random_tensor({B, T, H, K}, 1, at::kBFloat16);
  const auto turned = rotate_pairs(x, angles, RotaryPairing::Interleaved);
  CHECK(turned.scalar_type() == at::kBFloat16);
  const auto wide = rotate_pairs(x.to(at::kFloat), angles, RotaryPairing::Interleaved);
  CHECK(turned.equal(wide.to(at::kBFloat16)));
}

}  // namespace
}  // namespace longspan
