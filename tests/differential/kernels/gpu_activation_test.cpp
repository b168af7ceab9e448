// The kernels of activation and dropout, those of a GPU on the emulator, against the plain one in
// float64.

#include <cmath>
#include <limits>

#include "emulator/launches.h"
#include "emulator/thread.h"
#include "kernels/gpu/curves.h"
#include "kernels/kernel_tables.h"
#include "support/tensors.h"

namespace longspan {
namespace {

using emulator::EmulatedGpu;
using testing::random_tensor;

struct Sizes {
  std::int64_t N, F;
};

struct Problem {
  Activation activation;
  at::Tensor x, gate, d_out;  // gate undefined unless gated
  std::optional<RowDropout> dropout;
};

Problem make_problem(Activation activation, const Sizes& sizes, double p, at::ScalarType dtype) {
  const auto numbers = [&](std::uint64_t seed) {
    return random_tensor({sizes.N, sizes.F}, seed, dtype).mul(4);
  };
  Problem problem{activation, numbers(1), {}, numbers(2), {}};
  if (activation == Activation::Swiglu) problem.gate = numbers(3);
  if (p > 0.0) problem.dropout = {p, {77, 12345, 6}, at::arange(sizes.N, at::kLong).add(1 << 30)};
  return problem;
}

struct Result {
  at::Tensor out, d_x, d_gate;
};

Result run(const Kernel<ActivationRun>& kernel, const Problem& problem, at::ScalarType dtype) {
  const auto leaf = [&](const at::Tensor& x) {
    return x.defined() ? x.to(dtype).detach().requires_grad_() : x;
  };
  const auto x = leaf(problem.x), gate = leaf(problem.gate);
  const auto out = kernel.run(problem.activation, {x, gate}, problem.dropout);
  out.backward(problem.d_out.to(dtype));
  return {out.detach(), x.grad(), gate.defined() ? gate.grad() : gate};
}

Result run_emulated(const Problem& problem, std::uint64_t seed = 1) {
  const EmulatedGpu gpu({.seed = seed});
  REQUIRE(activation_kernels().front().takes(
      {.dtype = problem.x.scalar_type(), .width = problem.x.size(-1)}));
  return run(activation_kernels().front(), problem, problem.x.scalar_type());
}

double relative(const at::Tensor& a, const at::Tensor& b) {
  return (a.to(at::kDouble) - b).norm().item<double>() / b.norm().item<double>();
}

Result run_on_cpu(const Problem& problem) {
  const auto dtype = problem.x.scalar_type();
  const auto& kernel =
      kernel_for(activation_kernels(), {.dtype = dtype, .width = problem.x.size(-1)});
  REQUIRE(kernel.name == "one pass on the CPU");
  return run(kernel, problem, dtype);
}

// One rounding, by at most 2^-8 (bfloat16) or 2^-11 (float16) relative. In float32 the normal
// distribution is exact to 8e-8, and about eight roundings follow.
void check_against_float64(const Problem& problem, const Result& found) {
  INFO("activation " << int(problem.activation) << ", " << problem.x.scalar_type() << ", dropout "
                     << (problem.dropout ? problem.dropout->p : 0.0) << ", " << problem.x.sizes());
  const auto expected = run(activation_kernels().back(), problem, at::kDouble);
  const auto dtype = problem.x.scalar_type();
  const double tolerance = dtype == at::kBFloat16 ? 4e-3 : dtype == at::kHalf ? 5e-4 : 6e-7;
  CHECK(relative(found.out, expected.out) <= tolerance);
  CHECK(relative(found.d_x, expected.d_x) <= tolerance);
  CHECK(found.d_gate.defined() == expected.d_gate.defined());
  if (found.d_gate.defined()) CHECK(relative(found.d_gate, expected.d_gate) <= tolerance);
}

TEST_CASE("emulated kernels of activations equal the plain one in float64") {
  const auto activation =
      GENERATE(Activation::Relu, Activation::Gelu, Activation::GeluTanh, Activation::Swiglu);
  const auto dtype = GENERATE(at::kBFloat16, at::kHalf);
  const auto p = GENERATE(0.0, 0.3);
  const auto sizes = GENERATE(Sizes{33, 8}, Sizes{5, 40}, Sizes{7, 72}, Sizes{3, 200},
                              Sizes{1, 4096}, Sizes{6, 64});
  const Problem problem = make_problem(activation, sizes, p, dtype);
  check_against_float64(problem, run_emulated(problem));
}

TEST_CASE("activations on the CPU equal the plain one in float64") {
  const auto activation =
      GENERATE(Activation::Relu, Activation::Gelu, Activation::GeluTanh, Activation::Swiglu);
  const auto dtype = GENERATE(at::kFloat, at::kBFloat16);
  const auto p = GENERATE(0.0, 0.3);
  const auto sizes =
      GENERATE(Sizes{33, 7}, Sizes{5, 40}, Sizes{7, 73}, Sizes{300, 200}, Sizes{1, 4099});
  const Problem problem = make_problem(activation, sizes, p, dtype);
  check_against_float64(problem, run_on_cpu(problem));
}

TEST_CASE("activations on the CPU drop what a mask drops, on any number of threads") {
  const auto activation =
      GENERATE(Activation::Relu, Activation::Gelu, Activation::GeluTanh, Activation::Swiglu);
  const auto dtype = GENERATE(at::kFloat, at::kBFloat16);
  auto problem = make_problem(activation, {150, 73}, 0.3, dtype);
  problem.x = problem.x.abs().add(1);  // no zeros but of the mask
  problem.d_out = at::ones_like(problem.x);
  if (problem.gate.defined()) problem.gate = problem.gate.abs().add(1);
  const int threads = at::get_num_threads();
  const auto run_on = [&](int count) {
    at::set_num_threads(count);
    Result found = run_on_cpu(problem);
    at::set_num_threads(threads);
    return found;
  };
  const auto alone = run_on(1), shared = run_on(3);
  CHECK(alone.out.equal(shared.out));
  CHECK(alone.d_x.equal(shared.d_x));
  if (alone.d_gate.defined()) CHECK(alone.d_gate.equal(shared.d_gate));
  const auto kept =
      dropout_multipliers(problem.dropout->row_ids, 73, {problem.dropout->p, problem.dropout->key},
                          at::kFloat) != 0;
  CHECK(alone.out.ne(0).equal(kept));
  CHECK(alone.d_x.ne(0).equal(kept));
}

TEST_CASE("activations on the CPU let through what is not finite, and end far out") {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const auto activation =
      GENERATE(Activation::Relu, Activation::Gelu, Activation::GeluTanh, Activation::Swiglu);
  const auto at_point = [&](float value) {
    const auto x = at::full({1, 1}, value), one = at::ones({1, 1});
    const bool gated = activation == Activation::Swiglu;
    return activated(activation, {gated ? one : x, gated ? x : at::Tensor()}, {}).item<float>();
  };
  CHECK(std::isnan(at_point(std::numeric_limits<float>::quiet_NaN())));
  CHECK(at_point(kInfinity) == kInfinity);
  CHECK(at_point(1e30F) == 1e30F);
  CHECK(at_point(-1e30F) == 0.0F);
  CHECK(at_point(-100.0F) == 0.0F);
}

TEST_CASE("activations on the CPU take x and gate where they lie in one matrix") {
  const auto dtype = GENERATE(at::kFloat, at::kBFloat16);
  const auto matrix = random_tensor({3, 4, 147}, 1, dtype);
  const auto run_parts = [&](bool packed) {
    const auto part = [&](std::int64_t begin) {
      const auto columns = matrix.narrow(2, begin, 72);
      return (packed ? columns.contiguous() : columns).detach().requires_grad_();
    };
    const auto x = part(0), gate = part(72);
    const auto out = activated(Activation::Swiglu, {x, gate}, {});
    out.backward(random_tensor({3, 4, 72}, 2, dtype));
    return Result{out.detach(), x.grad(), gate.grad()};
  };
  const auto packed = run_parts(true), parts = run_parts(false);
  CHECK(packed.out.equal(parts.out));
  CHECK(packed.d_x.equal(parts.d_x));
  CHECK(packed.d_gate.equal(parts.d_gate));
}

TEST_CASE("emulated activations drop what row_math::draw_mask drops") {
  const auto activation =
      GENERATE(Activation::Relu, Activation::Gelu, Activation::GeluTanh, Activation::Swiglu);
  const std::int64_t N = 5, F = GENERATE(8, 72, 4096);
  auto problem = make_problem(activation, {N, F}, 0.3, at::kBFloat16);
  problem.x = problem.x.abs().add(1);  // no zeros but of the mask
  problem.d_out = at::ones_like(problem.x);
  if (problem.gate.defined()) problem.gate = problem.gate.abs().add(1);
  const auto found = run_emulated(problem);
  const auto kept =
      dropout_multipliers(problem.dropout->row_ids, F, {problem.dropout->p, problem.dropout->key},
                          at::kFloat) != 0;
  CHECK(found.out.ne(0).equal(kept));
  CHECK(found.d_x.ne(0).equal(kept));
}

TEST_CASE("emulated kernels of activations give the same bits in any order of threads") {
  const auto activation = GENERATE(Activation::Relu, Activation::Swiglu);
  const auto problem = make_problem(activation, {9, 200}, 0.1, at::kBFloat16);
  const auto a = run_emulated(problem, 1), b = run_emulated(problem, 2);
  CHECK(a.out.equal(b.out));
  CHECK(a.d_x.equal(b.d_x));
  if (a.d_gate.defined()) CHECK(a.d_gate.equal(b.d_gate));
}

TEST_CASE("activations take tensors as they come") {
  const EmulatedGpu gpu;
  const auto problem = make_problem(Activation::Swiglu, {12, 144}, 0.0, at::kHalf);
  // Halves of one matrix: strided, and gradients as an expanded sum gives them.
  auto both = problem.x.clone().view({3, 4, 144}).requires_grad_();
  const auto out =
      activated(Activation::Swiglu, {both.narrow(2, 0, 72), both.narrow(2, 72, 72)}, {});
  out.sum().backward();
  auto wide = problem.x.to(at::kDouble).view({3, 4, 144}).requires_grad_();
  const auto expected = at::silu(wide.narrow(2, 72, 72)) * wide.narrow(2, 0, 72);
  expected.sum().backward();
  CHECK(relative(out, expected) <= 5e-4);
  CHECK(relative(both.grad(), wide.grad()) <= 5e-4);
  CHECK(gpu.emulation().counts.size() == 2);
  const auto none = activated(Activation::Relu, {problem.x.narrow(0, 0, 0), {}}, {});
  CHECK(none.sizes() == at::IntArrayRef{0, 144});
}

TEST_CASE("activations take x and gate where they lie in one matrix, and give their gradients so") {
  const auto [first, second, width] = GENERATE(table<std::int64_t, std::int64_t, std::int64_t>(
      {{0, 72, 144}, {72, 0, 144}, {8, 80, 160}, {0, 72, 147}, {3, 75, 152}}));
  INFO("columns " << first << " and " << second << " of " << width);
  const EmulatedGpu gpu;
  const auto matrix = random_tensor({3, 4, width}, 1, at::kBFloat16);
  const auto part = [&](std::int64_t begin) { return matrix.narrow(2, begin, 72).detach(); };
  const auto x = part(first).requires_grad_(), gate = part(second).requires_grad_();
  const auto d_out = random_tensor({3, 4, 72}, 2, at::kBFloat16);
  const auto out = activated(Activation::Swiglu, {x, gate}, {});
  out.backward(d_out);
  const auto alone = [&] {
    Problem problem{
        Activation::Swiglu, part(first).contiguous(), part(second).contiguous(), d_out, {}};
    return run(activation_kernels().front(), problem, at::kBFloat16);
  }();
  CHECK(out.equal(alone.out));
  CHECK(x.grad().equal(alone.d_x));
  CHECK(gate.grad().equal(alone.d_gate));
}

TEST_CASE("activations and slopes of float32 are exact to a few units, and finite far out") {
  emulator::GlobalMemory memory;
  emulator::launch({}, memory, 1, [](emulator::Thread& thread) {
    const float x = static_cast<float>(thread.index() - 16) * 0.37f;
    const double phi = 0.5 * std::erfc(-double(x) / std::sqrt(2.0));
    const double density = std::exp(-0.5 * double(x) * double(x)) / std::sqrt(2 * M_PI);
    using Gelu = gpu::Curve<Activation::Gelu>;
    CHECK(std::abs(Gelu::value(thread, x) - x * phi) <= 1e-6);
    CHECK(std::abs(Gelu::slope(thread, x) - (phi + x * density)) <= 1e-6);
    const float far = thread.index() % 2 == 0 ? 1e18f : -1e18f;
    const double right = far > 0 ? 1.0 : 0.0;
    CHECK(Gelu::slope(thread, far) == right);
    CHECK(gpu::Curve<Activation::GeluTanh>::slope(thread, far) == right);
    CHECK(gpu::Curve<Activation::Swiglu>::slope(thread, far) == right);
  });
}

TEST_CASE("NaN passes through activations") {
  const auto activation = GENERATE(Activation::Relu, Activation::Gelu, Activation::GeluTanh);
  const EmulatedGpu gpu;
  const auto x = at::full({1, 8}, NAN, at::kBFloat16);
  CHECK(activated(activation, {x, {}}, {}).isnan().all().item<bool>());
}

}  // namespace
}  // namespace longspan
