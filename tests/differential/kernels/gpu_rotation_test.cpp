// The GPU's kernel of rotations on the emulator against the plain one in float64.

#include <cmath>

#include "emulator/launches.h"
#include "kernels/kernel_tables.h"
#include "support/tensors.h"

namespace longspan {
namespace {

using emulator::EmulatedGpu;
using testing::random_tensor;

struct Sizes {
  std::int64_t B, T, H, K, F;
};

struct Problem {
  at::Tensor x, d_out;
  RotaryAngles angles;
  RotaryPairing pairing;
};

Problem make_problem(const Sizes& sizes, RotaryPairing pairing, at::ScalarType dtype) {
  const auto [B, T, H, K, F] = sizes;
  const auto angle_TF = random_tensor({T, F}, 7, at::kDouble).mul(9.0);
  return {random_tensor({B, T, H, K}, 1, dtype),
          random_tensor({B, T, H, K}, 2, dtype),
          {angle_TF.cos().to(at::kFloat), angle_TF.sin().to(at::kFloat)},
          pairing};
}

struct Result {
  at::Tensor out, d_x;
};

Result run(const Kernel<RotationRun>& kernel, const Problem& problem, at::ScalarType dtype) {
  const auto x = problem.x.to(dtype).detach().requires_grad_();
  RotaryAngles angles = problem.angles;
  if (dtype == at::kDouble) angles = {angles.cos_TF.to(dtype), angles.sin_TF.to(dtype)};
  const auto out = kernel.run(x, angles, problem.pairing);
  out.backward(problem.d_out.to(dtype));
  return {out.detach(), x.grad()};
}

Result run_emulated(const Problem& problem, std::uint64_t seed = 1) {
  const EmulatedGpu gpu({.seed = seed});
  const auto result = run(rotation_kernels().front(), problem, problem.x.scalar_type());
  const auto& counts = gpu.emulation().counts.at("rotation");
  CHECK(counts.global_bytes_written == std::int64_t(problem.x.nbytes()));
  return result;
}

double relative(const at::Tensor& a, const at::Tensor& b) {
  return (a.to(at::kDouble) - b).norm().item<double>() / b.norm().item<double>();
}

TEST_CASE("emulated rotations equal the plain ones in float64, forward and backward") {
  const auto pairing = GENERATE(RotaryPairing::Interleaved, RotaryPairing::HalfSplit);
  const auto dtype = GENERATE(at::kBFloat16, at::kHalf);
  const auto sizes =
      GENERATE(Sizes{1, 1, 1, 8, 4}, Sizes{3, 7, 5, 40, 20}, Sizes{2, 5, 3, 72, 36},
               Sizes{1, 33, 2, 64, 16}, Sizes{2, 3, 3, 200, 4}, Sizes{1, 9, 7, 128, 64});
  INFO("pairing " << int(pairing) << ", " << dtype << ", T " << sizes.T << ", K " << sizes.K
                  << ", F " << sizes.F);
  const auto problem = make_problem(sizes, pairing, dtype);
  const auto expected = run(rotation_kernels().back(), problem, at::kDouble);
  const auto found = run_emulated(problem);
  // One rounding, by at most 2^-8 (bfloat16) or 2^-11 (float16) relative.
  const double tolerance = dtype == at::kBFloat16 ? 4e-3 : 5e-4;
  CHECK(relative(found.out, expected.out) <= tolerance);
  CHECK(relative(found.d_x, expected.d_x) <= tolerance);
  const std::int64_t rest = sizes.K - 2 * sizes.F;
  CHECK(found.out.narrow(-1, 2 * sizes.F, rest).equal(problem.x.narrow(-1, 2 * sizes.F, rest)));
}

TEST_CASE("emulated rotations give the same bits in any order of threads") {
  const auto pairing = GENERATE(RotaryPairing::Interleaved, RotaryPairing::HalfSplit);
  const auto problem = make_problem({2, 9, 3, 40, 16}, pairing, at::kBFloat16);
  const auto a = run_emulated(problem, 1), b = run_emulated(problem, 2);
  CHECK(a.out.equal(b.out));
  CHECK(a.d_x.equal(b.d_x));
}

TEST_CASE("rotations take tensors as they come") {
  const auto pairing = GENERATE(RotaryPairing::Interleaved, RotaryPairing::HalfSplit);
  const EmulatedGpu gpu;
  const auto problem = make_problem({2, 5, 3, 16, 8}, pairing, at::kHalf);
  const auto check_equal = [&](const at::Tensor& x) {
    const auto wide = rotation_kernels().back().run(
        x.to(at::kDouble),
        {problem.angles.cos_TF.to(at::kDouble), problem.angles.sin_TF.to(at::kDouble)}, pairing);
    const auto found = rotate_pairs(x, problem.angles, pairing);
    CHECK(found.is_contiguous());
    CHECK(relative(found, wide) <= 5e-4);
  };
  const auto both = random_tensor({2, 5, 3 * 16 + 40}, 5, at::kHalf);
  const auto heads = [](const at::Tensor& rows) { return rows.unflatten(-1, {3, 16}); };
  check_equal(heads(both.narrow(2, 40, 48)));  // a part of a matrix
  check_equal(heads(both.narrow(2, 3, 48)));   // which begins between multiples of 16 bytes
  check_equal(problem.x.transpose(0, 2).contiguous().transpose(0, 2));
  CHECK(rotate_pairs(problem.x.narrow(0, 0, 0), problem.angles, pairing).numel() == 0);
}

TEST_CASE("the GPU's kernel of rotations leaves other sizes and dtypes to the next") {
  const EmulatedGpu gpu;
  const auto takes = [](at::ScalarType dtype, std::int64_t width, std::int64_t num_pairs) {
    return rotation_kernels().front().takes(
        {.dtype = dtype, .width = width, .num_pairs = num_pairs});
  };
  CHECK(takes(at::kHalf, 8, 4));
  CHECK_FALSE(takes(at::kHalf, 12, 4));
  CHECK_FALSE(takes(at::kHalf, 80, 10));
  CHECK_FALSE(takes(at::kHalf, 80, 0));
  CHECK_FALSE(takes(at::kFloat, 8, 4));
}

}  // namespace
}  // namespace longspan
