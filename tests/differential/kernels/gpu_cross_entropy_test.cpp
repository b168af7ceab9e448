// The GPU's kernels of cross-entropy on the emulator against the plain ones in float64.

#include <limits>

#include "emulator/launches.h"
#include "kernels/kernel_tables.h"
#include "longspan/kernels/cross_entropy.h"
#include "support/tensors.h"

namespace longspan {
namespace {

using emulator::EmulatedGpu;
using testing::difference;
using testing::random_tensor;

constexpr double kScale = 3.0;

// Every third row does not count, where some may not.
at::Tensor make_targets(std::int64_t N, std::int64_t V, bool all_count) {
  const auto targets = at::arange(N, at::kLong).mul(611).add(V - 1).remainder(V);
  return all_count ? targets : targets.masked_fill(at::arange(N).remainder(3).eq(1), -1);
}

at::Tensor make_logits(std::int64_t N, std::int64_t V) {
  return random_tensor({N, V}, 11).mul(12.0);
}

double relative(const at::Tensor& a, const at::Tensor& b) {
  const double size = b.norm().item<double>();
  return (a.to(at::kDouble) - b).norm().item<double>() / (size > 0.0 ? size : 1.0);
}

RowLosses run_emulated(const at::Tensor& logits, const at::Tensor& targets, at::ScalarType dtype,
                       const emulator::Emulation& how = {}) {
  const EmulatedGpu gpu(how);
  const auto& kernel = kernel_for(cross_entropy_kernels(), {c10::kCPU, at::kFloat});
  REQUIRE(kernel.name == "a block a row on a GPU");
  return kernel.run.loss(logits.clone(), targets, {dtype, kScale});
}

void check_loss(std::int64_t N, std::int64_t V, at::ScalarType dtype, std::uint64_t seed) {
  const auto logits = make_logits(N, V), targets = make_targets(N, V, false);
  const auto expected = cross_entropy_kernels().back().run.loss(logits.to(at::kDouble), targets,
                                                                {at::kDouble, kScale});
  const auto found = run_emulated(logits, targets, dtype, {.seed = seed});
  CHECK(found.d_logits_NV.scalar_type() == dtype);
  CHECK(found.loss.scalar_type() == at::kDouble);
  CHECK(std::abs(found.loss.item<double>() - expected.loss.item<double>()) <=
        1e-5 * (1.0 + std::abs(expected.loss.item<double>())));
  if (dtype == at::kFloat) {
    CHECK(relative(found.d_logits_NV, expected.d_logits_NV) <= 1e-6);
  } else {
    // One rounding, of numbers that may be below float16's range.
    const double rounding = dtype == at::kBFloat16 ? 0x1p-8 : 0x1p-11;
    CHECK(difference(found.d_logits_NV, expected.d_logits_NV, 1e-6, 1.001 * rounding) == "");
  }
  for (std::int64_t row = 1; row < N; row += 3)
    CHECK(found.d_logits_NV[row].eq(0).all().item<bool>());
}

TEST_CASE("the emulated loss and its gradient equal the plain ones in float64") {
  const auto dtype = GENERATE(at::kFloat, at::kBFloat16, at::kHalf);
  const auto V =
      GENERATE(std::int64_t{1}, std::int64_t{2}, std::int64_t{3}, std::int64_t{7}, std::int64_t{8},
               std::int64_t{33}, std::int64_t{1000}, std::int64_t{4099});
  INFO(dtype << ", V " << V);
  check_loss(6, V, dtype, 7);
}

TEST_CASE("the emulated loss takes rows longer than what its threads load at once") {
  check_loss(3, 20002, at::kBFloat16, 3);
}

TEST_CASE("emulated log-probabilities equal the plain ones in float64") {
  const auto V = GENERATE(std::int64_t{1}, std::int64_t{7}, std::int64_t{33}, std::int64_t{1000},
                          std::int64_t{4099});
  const auto logits = make_logits(5, V), targets = make_targets(5, V, true);
  const auto expected =
      cross_entropy_kernels().back().run.log_probabilities(logits.to(at::kDouble), targets);
  const EmulatedGpu gpu;
  const auto found = cross_entropy_kernels().front().run.log_probabilities(logits, targets);
  INFO("V " << V);
  CHECK(found.scalar_type() == at::kFloat);
  CHECK(difference(found, expected, 2e-6, 1e-6) == "");
}

TEST_CASE("logits of minus infinity have no probability, and NaN is shown") {
  auto logits = make_logits(3, 40);
  logits.narrow(1, 30, 10).fill_(-std::numeric_limits<float>::infinity());
  logits[2][5] = std::numeric_limits<float>::quiet_NaN();
  const auto targets = make_targets(3, 30, true);
  const auto expected = cross_entropy_kernels().back().run.loss(
      logits.narrow(0, 0, 2).to(at::kDouble), targets.narrow(0, 0, 2), {at::kDouble, kScale});
  const auto two = run_emulated(logits.narrow(0, 0, 2), targets.narrow(0, 0, 2), at::kFloat);
  CHECK(difference(two.loss, expected.loss, 1e-5) == "");
  CHECK(difference(two.d_logits_NV, expected.d_logits_NV, 1e-6) == "");
  CHECK(two.d_logits_NV.narrow(1, 30, 10).eq(0).all().item<bool>());
  const auto all = run_emulated(logits, targets, at::kBFloat16);
  CHECK(std::isnan(all.loss.item<double>()));
  CHECK(all.d_logits_NV[2].isnan().all().item<bool>());
}

TEST_CASE("the emulated loss has the same bits in any order of threads") {
  const auto logits = make_logits(4, 1003), targets = make_targets(4, 1003, false);
  const auto a = run_emulated(logits, targets, at::kFloat, {.seed = 1}),
             b = run_emulated(logits, targets, at::kFloat, {.seed = 2});
  CHECK(a.loss.equal(b.loss));
  CHECK(a.d_logits_NV.equal(b.d_logits_NV));
}

TEST_CASE("the barrier of cross-entropy is missed when it is not there") {
  const auto logits = make_logits(2, 100), targets = make_targets(2, 100, true);
  CHECK_THROWS_AS(run_emulated(logits, targets, at::kBFloat16, {.skipped_barrier = 0}),
                  emulator::Fault);
  const EmulatedGpu gpu({.skipped_barrier = 0});
  CHECK_THROWS_AS(cross_entropy_kernels().front().run.log_probabilities(logits, targets),
                  emulator::Fault);
}

TEST_CASE("the loss reads logits twice and writes once, without bank conflicts") {
  const std::int64_t N = 4, V = 1003;
  const auto logits = make_logits(N, V), targets = make_targets(N, V, true);
  const EmulatedGpu gpu;
  cross_entropy_kernels().front().run.loss(logits.clone(), targets, {at::kBFloat16, kScale});
  cross_entropy_kernels().front().run.log_probabilities(logits, targets);
  const auto& loss = gpu.emulation().counts.at("cross-entropy");
  const auto& log_p = gpu.emulation().counts.at("target log-probabilities");
  constexpr std::int64_t kThreads = 512;
  CHECK(loss.global_bytes_read == N * (2 * V * 4 + 4 + kThreads * 8));
  CHECK(loss.global_bytes_written == N * (V * 2 + 4));
  CHECK(log_p.global_bytes_read == N * (V * 4 + 4 + 8));
  for (const auto& counts : {loss, log_p})
    CHECK(counts.shared_wavefronts == counts.shared_wavefronts_ideal);
}

// Of the whole path: products, the kernel, products. A GPU takes logits in multiples of 8 columns.
TEST_CASE("the chunked loss and its gradients on the emulator are those of the CPU") {
  const auto V = GENERATE(std::int64_t{5}, std::int64_t{48}, std::int64_t{50});
  const auto dtype = GENERATE(at::kFloat, at::kBFloat16);
  INFO("V " << V << ", " << dtype);
  const auto features = random_tensor({9, 16}, 1, dtype), weight = random_tensor({V, 16}, 2, dtype);
  const auto targets = make_targets(9, V, false);
  const auto run = [&] {
    auto x = features.clone().requires_grad_(), w = weight.clone().requires_grad_();
    const auto loss = linear_cross_entropy(x, w, targets, 8.0);
    loss.backward(at::full({}, 8.0));
    return std::tuple(loss.item<double>(), x.grad(), w.grad());
  };
  const auto [loss, d_x, d_w] = run();
  const EmulatedGpu gpu;
  const auto [emulated_loss, emulated_d_x, emulated_d_w] = run();
  const std::int64_t columns = dtype == at::kFloat || V % 8 == 0 ? V : (V / 8 + 1) * 8;
  CHECK(gpu.emulation().counts.at("cross-entropy").global_bytes_written ==
        9 * (columns * (dtype == at::kFloat ? 4 : 2) + 4));
  CHECK(std::abs(emulated_loss - loss) <= 1e-5 * loss);
  const double rounding = dtype == at::kFloat ? 1e-6 : 0x1p-7;
  CHECK(difference(emulated_d_x, d_x, 8 * rounding) == "");
  CHECK(difference(emulated_d_w, d_w, 8 * rounding) == "");
}

}  // namespace
}  // namespace longspan
