// The GPU's kernels of attention on the emulator against the plain kernel in float64.

#include <cmath>
#include <vector>

#include "emulator/launches.h"
#include "kernels/dropout_rule.h"
#include "kernels/gpu/mask.h"
#include "kernels/kernel_tables.h"
#include "support/bias_forms.h"
#include "support/first_seen.h"
#include "support/tensors.h"

namespace longspan {
namespace {

using emulator::EmulatedGpu;
using testing::make_bias;
using testing::random_tensor;

struct Sizes {
  std::int64_t B, T, S, H, G, K;
};

struct Problem {
  at::Tensor q, k, v, d_out;
  AttentionOptions options;
};

Problem make_problem(const Sizes& sizes, const std::string& form, double p, at::ScalarType dtype) {
  const auto [B, T, S, H, G, K] = sizes;
  Problem problem{random_tensor({B, T, H, K}, 1, dtype).mul(2),
                  random_tensor({B, S, G, K}, 2, dtype).mul(2),
                  random_tensor({B, S, G, K}, 3, dtype),
                  random_tensor({B, T, H, K}, 4, dtype),
                  {make_bias(form, H, T, S), 1.0 / std::sqrt(double(K)), std::nullopt}};
  if (p > 0.0)
    problem.options.dropout = {p, {1, 2, 3}, dropout_row_ids(at::arange(B, at::kLong), S - T, T)};
  return problem;
}

struct Result {
  at::Tensor out, log_sums_BHT, d_q, d_k, d_v, d_bias_HN;
};

at::Tensor log_sums(const at::Tensor& q, const at::Tensor& k, const AttentionOptions& options) {
  const std::int64_t T = q.size(1), S = k.size(1), H = q.size(2);
  const auto k_BHSK = k.repeat_interleave(H / k.size(2), 2).transpose(1, 2);
  auto scores = at::matmul(q.transpose(1, 2), k_BHSK.transpose(-1, -2)) * options.scale;
  for (std::int64_t t = 0; t < T; ++t) {
    const std::int64_t position = S - T + t;
    for (std::int64_t s = 0; s <= position; ++s) {
      if (const auto* linear = std::get_if<LinearBias>(&options.bias))
        scores.select(2, t).select(2, s).sub_(linear->slopes_H * double(position - s));
      if (const auto* table = std::get_if<DistanceBias>(&options.bias))
        scores.select(2, t).select(2, s).add_(table->bias_HN.select(1, position - s));
    }
    scores.select(2, t).narrow(2, position + 1, S - 1 - position).fill_(-1e300);
    if (!options.first_seen_BT.defined()) continue;
    for (std::int64_t b = 0; b < q.size(0); ++b)
      scores.select(0, b)
          .select(1, t)
          .narrow(1, 0, options.first_seen_BT[b][t].item<std::int64_t>())
          .fill_(-1e300);
  }
  return scores.logsumexp(-1);
}

// The output and gradients of a kernel on inputs of a dtype.
Result run(const Kernel<AttentionRun>& kernel, const Problem& problem, at::ScalarType dtype) {
  const auto leaf = [&](const at::Tensor& x) { return x.to(dtype).detach().requires_grad_(); };
  const auto q = leaf(problem.q), k = leaf(problem.k), v = leaf(problem.v);
  AttentionOptions options = problem.options;
  at::Tensor bias;
  if (const auto* distance = std::get_if<DistanceBias>(&options.bias)) {
    bias = distance->bias_HN.narrow(1, 0, k.size(1)).clone().requires_grad_();
    options.bias = DistanceBias{bias};
  }
  const auto out = kernel.run(q, k, v, options);
  out.backward(problem.d_out.to(dtype));
  return {out.detach(), {}, q.grad(), k.grad(), v.grad(), bias.defined() ? bias.grad() : bias};
}

Result run_emulated(const Problem& problem, const emulator::Emulation& how = {}) {
  const EmulatedGpu gpu(how);
  REQUIRE(attention_kernels().front().takes(
      {c10::kCPU, problem.q.scalar_type(), form_of(problem.options.bias), problem.q.size(3)}));
  Result result = run(attention_kernels().front(), problem, problem.q.scalar_type());
  result.log_sums_BHT = gpu.emulation().log_sums_BHT;
  return result;
}

double relative(const at::Tensor& a, const at::Tensor& b) {
  return (a.to(at::kDouble) - b).norm().item<double>() / b.norm().item<double>();
}

// Outputs, probabilities and score gradients are rounded to 2^-8 (bfloat16) or 2^-11 (float16)
// relative, each by up to half of that: a sum of many roundings stays near their root mean square,
// 2^-9 / sqrt(3), times the root of the number of roundings on the way, at most six.
void check_against_float64(const Problem& problem, std::uint64_t seed) {
  const auto expected = run(attention_kernels().back(), problem, at::kDouble);
  const auto found = run_emulated(problem, {.seed = seed});
  const auto expected_log_sums =
      log_sums(problem.q.to(at::kDouble), problem.k.to(at::kDouble), problem.options);
  CHECK(relative(found.out, expected.out) <= 4e-3);
  CHECK((found.log_sums_BHT - expected_log_sums).abs().max().item<double>() <= 1e-5);
  CHECK(relative(found.d_v, expected.d_v) <= 8e-3);
  if (problem.k.size(1) == 1) return;  // of one key no score matters: what is left is rounding
  CHECK(relative(found.d_q, expected.d_q) <= 8e-3);
  CHECK(relative(found.d_k, expected.d_k) <= 8e-3);
  if (expected.d_bias_HN.defined()) CHECK(relative(found.d_bias_HN, expected.d_bias_HN) <= 8e-3);
}

TEST_CASE("emulated kernels of attention equal the plain one in float64") {
  const auto form = GENERATE(std::string("none"), std::string("linear"), std::string("distance"),
                             std::string("window"));
  const auto p = GENERATE(0.0, 0.2);
  const auto dtype = GENERATE(at::kBFloat16, at::kHalf);
  const auto K = GENERATE(std::int64_t{32}, std::int64_t{64}, std::int64_t{128});
  INFO(form << ", dropout " << p << ", " << dtype << ", K " << K);
  check_against_float64(make_problem({1, 130, 130, 2, 1, K}, form, p, dtype), 7);
}

TEST_CASE("emulated kernels of attention take any sizes") {
  const auto form = GENERATE(std::string("linear"), std::string("distance"), std::string("window"));
  const auto sizes =
      GENERATE(Sizes{2, 1, 1, 4, 2, 64}, Sizes{1, 1, 90, 3, 3, 32}, Sizes{1, 64, 64, 2, 2, 40},
               Sizes{2, 65, 199, 4, 1, 80}, Sizes{1, 63, 128, 1, 1, 96},
               Sizes{1, 70, 71, 1, 1, 256}, Sizes{3, 7, 7, 6, 2, 8}, Sizes{1, 193, 200, 2, 2, 136});
  const auto p = GENERATE(0.0, 0.3);
  INFO(form << ", B " << sizes.B << ", T " << sizes.T << ", S " << sizes.S << ", H " << sizes.H
            << ", G " << sizes.G << ", K " << sizes.K << ", dropout " << p);
  check_against_float64(make_problem(sizes, form, p, at::kBFloat16), 3);
}

TEST_CASE("emulated kernels of attention keep queries inside their documents") {
  const auto form = GENERATE(std::string("linear"), std::string("distance"), std::string("window"));
  const auto sizes = GENERATE(Sizes{2, 200, 200, 2, 1, 64}, Sizes{1, 130, 199, 2, 2, 136});
  const auto p = GENERATE(0.0, 0.3);
  const auto document = GENERATE(std::int64_t{5}, std::int64_t{50}, std::int64_t{90});
  INFO(form << ", T " << sizes.T << ", S " << sizes.S << ", K " << sizes.K << ", dropout " << p
            << ", documents of " << document);
  auto problem = make_problem(sizes, form, p, at::kBFloat16);
  problem.options.first_seen_BT = testing::first_seen(sizes.B, sizes.T, sizes.S, document);
  check_against_float64(problem, 5);
}

TEST_CASE("kernels on a GPU drop what the CPU drops, bit for bit") {
  const std::int64_t row_id = (std::int64_t{1} << 40) + 12345;
  for (const std::int64_t head : {0, 5}) {
    const auto rule = row_mask({0.3, {77, 12345, 6}, head}, row_id);
    const gpu::MaskRule on_gpu{rule.key, rule.counter.x[2], rule.keep};
    std::vector<float> mask(320);
    row_math::draw_mask(mask.data(), 320, rule);
    for (int i = 0; i < 320; ++i) {
      const auto kept = on_gpu.kept(row_id, static_cast<int>(head), i / 64, i % 8);
      CHECK((mask[std::size_t(i)] != 0.0f) == ((kept >> (i % 64 / 8) & 1u) != 0));
    }
  }
}

TEST_CASE("emulated kernels of attention give the same bits in any order of threads") {
  const auto problem = make_problem({1, 130, 130, 2, 1, 64}, "distance", 0.1, at::kBFloat16);
  const auto a = run_emulated(problem, {.seed = 1}), b = run_emulated(problem, {.seed = 2});
  CHECK(a.out.equal(b.out));
  CHECK(a.log_sums_BHT.equal(b.log_sums_BHT));
  CHECK(a.d_q.equal(b.d_q));
  CHECK(a.d_k.equal(b.d_k));
  CHECK(a.d_v.equal(b.d_v));
  CHECK(a.d_bias_HN.equal(b.d_bias_HN));
}

TEST_CASE("each barrier of the kernels of attention is missed when it is not there") {
  const auto problem = make_problem({1, 130, 130, 1, 1, 64}, "distance", 0.1, at::kBFloat16);
  const auto barrier = GENERATE(0, 1, 2, 3, 4);
  INFO("barrier " << barrier);
  CHECK_THROWS_AS(run_emulated(problem, {.skipped_barrier = barrier}), emulator::Fault);
}

TEST_CASE("the kernels of attention read shared memory without bank conflicts") {
  const auto form = GENERATE(std::string("linear"), std::string("distance"));
  const auto K = GENERATE(std::int64_t{32}, std::int64_t{64}, std::int64_t{128});
  const auto problem = make_problem({1, 192, 192, 1, 1, K}, form, 0.1, at::kBFloat16);
  const EmulatedGpu gpu;
  run(attention_kernels().front(), problem, at::kBFloat16);
  INFO(form << ", K " << K);
  REQUIRE(gpu.emulation().counts.size() == 3);
  for (const auto& [kernel, counts] : gpu.emulation().counts) {
    INFO(kernel);
    // Threads add up diagonals of unequal length, which the count takes for accesses of one time.
    const bool adds_diagonals = form == "distance" && kernel == "attention backward by queries";
    CHECK(double(counts.shared_wavefronts) <=
          (adds_diagonals ? 1.5 : 1.0) * double(counts.shared_wavefronts_ideal));
  }
}

}  // namespace
}  // namespace longspan
