// The kernels of the residual stream, those of a GPU on the emulator, against the plain ones in
// float64.

#include "longspan/kernels/residual_norm.h"

#include <cmath>
#include <vector>

#include "emulator/launches.h"
#include "kernels/kernel_tables.h"
#include "support/tensors.h"

namespace longspan {
namespace {

using emulator::EmulatedGpu;
using testing::random_tensor;

struct Problem {
  std::int64_t N, D;
  bool has_branch, has_norm, centred, has_bias;
  double p;
};

// Sum and norm as far as they are there, then the gradients of x, branch, weight and bias.
std::vector<at::Tensor> run(const Kernel<ResidualNormRun>& kernel, const Problem& problem,
                            at::ScalarType dtype, at::ScalarType rounded) {
  const auto leaf = [&](std::uint64_t seed, at::IntArrayRef sizes, at::ScalarType in) {
    return random_tensor(sizes, seed).mul(2).to(rounded).to(in).requires_grad_();
  };
  const auto weights = dtype == at::kDouble ? at::kDouble : at::kFloat;
  const auto x = leaf(1, {problem.N, problem.D}, dtype),
             branch = leaf(2, {problem.N, problem.D}, dtype),
             weight = leaf(3, {problem.D}, weights), bias = leaf(4, {problem.D}, weights);
  const NormWeights norm{weight, problem.has_bias ? bias : at::Tensor(), 1e-5, problem.centred};
  ResidualNormCall call{x, problem.has_branch ? branch : at::Tensor(), std::nullopt,
                        problem.has_norm ? &norm : nullptr, dtype};
  if (problem.p > 0.0)
    call.dropout = {problem.p, {1, 2, 3}, dropout_row_ids(at::arange(1, at::kLong), 5, problem.N)};
  const SumAndNorm result = kernel.run(call);
  at::Tensor loss = at::zeros({}, at::kDouble);
  std::vector<at::Tensor> found;
  for (const auto& [output, seed] : {std::pair{result.sum, 7}, std::pair{result.normed, 8}}) {
    if (!output.defined() || output.is_same(x)) continue;
    found.push_back(output.detach());
    const auto weighting = random_tensor({problem.N, problem.D}, seed).to(rounded).to(dtype);
    loss = loss + (output * weighting).to(at::kDouble).sum();
  }
  loss.backward();
  for (const auto& input : {x, branch, weight, bias})
    if (input.grad().defined()) found.push_back(input.grad());
  return found;
}

double relative(const at::Tensor& a, const at::Tensor& b) {
  return (a.to(at::kDouble) - b).norm().item<double>() / b.norm().item<double>();
}

TEST_CASE("emulated kernels of the residual stream equal the plain ones in float64") {
  const auto problem = GENERATE(
      Problem{5, 64, true, true, true, true, 0.1}, Problem{3, 8, true, true, true, true, 0.3},
      Problem{7, 200, true, true, false, false, 0.1},
      Problem{2, 1024, true, true, true, false, 0.0}, Problem{3, 1032, true, true, true, true, 0.2},
      Problem{2, 4104, true, true, false, false, 0.1}, Problem{9, 72, true, false, true, true, 0.1},
      Problem{9, 72, true, false, true, true, 0.0}, Problem{4, 512, false, true, true, true, 0.0},
      Problem{600, 16, false, true, true, true, 0.0});
  const auto dtype = GENERATE(at::kBFloat16, at::kHalf);
  INFO("N " << problem.N << ", D " << problem.D << ", branch " << problem.has_branch << ", norm "
            << problem.has_norm << ", p " << problem.p << ", " << dtype);
  const auto expected = run(residual_norm_kernels().back(), problem, at::kDouble, dtype);
  const EmulatedGpu gpu;
  REQUIRE(residual_norm_kernels().front().takes({c10::kCPU, dtype, BiasForm::None, problem.D}));
  const auto found = run(residual_norm_kernels().front(), problem, dtype, dtype);
  REQUIRE(found.size() == expected.size());
  // The sum is rounded before it is normalised, and each gradient once more: 2^-9 each.
  for (std::size_t i = 0; i < found.size(); ++i) CHECK(relative(found[i], expected[i]) <= 4e-3);
}

const Kernel<ResidualNormRun>& cpu_rows(at::ScalarType dtype, std::int64_t width) {
  return kernel_for(residual_norm_kernels(), {c10::kCPU, dtype, BiasForm::None, width});
}

TEST_CASE("rows of the residual stream on the CPU equal the plain ones in float64") {
  const auto problem = GENERATE(
      Problem{5, 64, true, true, true, true, 0.1}, Problem{3, 3, true, true, false, false, 0.3},
      Problem{7, 200, true, true, false, false, 0.1}, Problem{1, 31, true, true, true, true, 0.0},
      Problem{2, 1024, true, true, true, false, 0.0}, Problem{3, 1033, true, true, true, true, 0.2},
      Problem{2, 4104, true, true, false, false, 0.1}, Problem{9, 72, true, false, true, true, 0.1},
      Problem{9, 72, true, false, true, true, 0.0}, Problem{4, 512, false, true, true, true, 0.0},
      Problem{1100, 16, false, true, true, true, 0.0},
      Problem{1030, 24, true, true, true, true, 0.1});
  const auto dtype = GENERATE(at::kFloat, at::kBFloat16);
  INFO("N " << problem.N << ", D " << problem.D << ", branch " << problem.has_branch << ", norm "
            << problem.has_norm << ", p " << problem.p << ", " << dtype);
  const auto& kernel = cpu_rows(dtype, problem.D);
  REQUIRE(kernel.name == "rows on the CPU");
  const auto expected = run(residual_norm_kernels().back(), problem, at::kDouble, dtype);
  const auto found = run(kernel, problem, dtype, dtype);
  REQUIRE(found.size() == expected.size());
  // bfloat16: the sum is rounded before it is normalised, and each gradient once more, 2^-9 each.
  // float32: each number of a row follows from about ten roundings and two of the row's sums.
  const double tolerance = dtype == at::kBFloat16 ? 4e-3 : 16 * 0x1p-24;
  for (std::size_t i = 0; i < found.size(); ++i)
    CHECK(relative(found[i], expected[i]) <= tolerance);
}

TEST_CASE("rows on the CPU give the same bits on any number of threads") {
  const Problem problem{1030, 72, true, true, true, true, 0.1};
  const auto dtype = GENERATE(at::kFloat, at::kBFloat16);
  const int threads = at::get_num_threads();
  const auto run_on = [&](int count) {
    at::set_num_threads(count);
    auto found = run(cpu_rows(dtype, problem.D), problem, dtype, dtype);
    at::set_num_threads(threads);
    return found;
  };
  const auto alone = run_on(1);
  for (const int count : {2, 3, 7}) {
    const auto found = run_on(count);
    for (std::size_t i = 0; i < alone.size(); ++i) CHECK(found[i].equal(alone[i]));
  }
}

TEST_CASE("rows give the same bits in any order of threads, and need their barriers") {
  const Problem problem{3, 2056, true, true, true, true, 0.1};
  const auto run_emulated = [&](const emulator::Emulation& how) {
    const EmulatedGpu gpu(how);
    auto found = run(residual_norm_kernels().front(), problem, at::kBFloat16, at::kBFloat16);
    for (const auto& [kernel, counts] : gpu.emulation().counts)
      CHECK(counts.shared_wavefronts == counts.shared_wavefronts_ideal);
    return found;
  };
  const auto a = run_emulated({.seed = 1}), b = run_emulated({.seed = 2});
  for (std::size_t i = 0; i < a.size(); ++i) CHECK(a[i].equal(b[i]));
  const auto barrier = GENERATE(0, 1, 2);
  CHECK_THROWS_AS(run_emulated({.skipped_barrier = barrier}), emulator::Fault);
}

TEST_CASE("a dtype or width that the kernels do not take goes the plain way") {
  const EmulatedGpu gpu;
  const auto row = [](at::ScalarType dtype, std::int64_t width) {
    const auto kernels = residual_norm_kernels();
    return std::string(kernel_for(kernels, {c10::kCPU, dtype, BiasForm::None, width}).name);
  };
  CHECK(row(at::kBFloat16, 1024) == "rows on a GPU");
  CHECK(row(at::kFloat, 1024) == "composed operations");
  CHECK(row(at::kBFloat16, 1020) == "composed operations");
  const NormWeights norm{at::ones({12}), {}, 1e-5, true};
  const auto x = random_tensor({3, 12}, 1, at::kBFloat16);
  CHECK(normalized(x, norm, at::kBFloat16).scalar_type() == at::kBFloat16);
}

}  // namespace
}  // namespace longspan
