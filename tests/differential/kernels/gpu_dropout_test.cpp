// The GPU's kernel of dropout on the emulator: the bits of the plain kernel and of its masks.

#include <vector>

#include "emulator/launches.h"
#include "kernels/kernel_tables.h"
#include "support/tensors.h"

namespace longspan {
namespace {

using emulator::EmulatedGpu;
using testing::random_tensor;

const DropoutRule kRule{0.3, {77, 12345, 6}};

// Ids with bits in both words, out of order.
at::Tensor some_row_ids(std::int64_t count) {
  return at::arange(count, at::kLong).mul(7919).add((std::int64_t{1} << 40) + 5).flip(0);
}

struct Result {
  at::Tensor out, d_x;
};

Result run(const at::Tensor& x_ND, const at::Tensor& d_out_ND) {
  const auto x = x_ND.detach().requires_grad_();
  const auto out = counted_dropout(x, some_row_ids(x.size(0)), kRule.p, kRule.key);
  out.backward(d_out_ND);
  return {out.detach(), x.grad()};
}

TEST_CASE("emulated dropout gives the bits of the plain kernel, forward and backward") {
  const auto dtype = GENERATE(at::kBFloat16, at::kHalf);
  const auto N = GENERATE(std::int64_t{1}, std::int64_t{5}, std::int64_t{33});
  const auto D = GENERATE(std::int64_t{8}, std::int64_t{40}, std::int64_t{64}, std::int64_t{72},
                          std::int64_t{200}, std::int64_t{4096});
  INFO(dtype << ", N " << N << ", D " << D);
  const auto x = random_tensor({N, D}, 1, dtype), d_out = random_tensor({N, D}, 2, dtype);
  const auto& plain = dropout_kernels().back();
  const EmulatedGpu gpu;
  const auto found = run(x, d_out);
  REQUIRE(gpu.emulation().counts.contains("dropout"));
  CHECK(found.out.equal(plain.run(x, some_row_ids(N), kRule)));
  CHECK(found.d_x.equal(plain.run(d_out, some_row_ids(N), kRule)));
}

TEST_CASE("emulated dropout keeps what row_math::draw_mask keeps") {
  const std::int64_t N = 7, D = GENERATE(8, 72, 200, 4096);
  const EmulatedGpu gpu;
  const auto out =
      counted_dropout(at::ones({N, D}, at::kBFloat16), some_row_ids(N), kRule.p, kRule.key);
  std::vector<float> mask(static_cast<std::size_t>(D));
  for (std::int64_t row = 0; row < N; ++row) {
    row_math::draw_mask(mask.data(), D, row_mask(kRule, some_row_ids(N)[row].item<std::int64_t>()));
    CHECK(out[row].equal(at::tensor(mask).to(at::kBFloat16)));
  }
}

TEST_CASE(
    "emulated dropout gives the same bits in any order of threads, and moves each byte once") {
  const auto x = random_tensor({9, 200}, 1, at::kHalf),
             d_out = random_tensor({9, 200}, 2, at::kHalf);
  const auto in_order = [&](std::uint64_t seed) {
    const EmulatedGpu gpu({.seed = seed});
    const auto result = run(x, d_out);
    const auto& counts = gpu.emulation().counts.at("dropout");
    CHECK(counts.global_bytes_written == 9 * 200 * 2);
    CHECK(counts.global_bytes_read <= 9 * 200 * 2 + 9 * 256);  // and 8 bytes of id for 8 elements
    return result;
  };
  const auto a = in_order(1), b = in_order(2);
  CHECK(a.out.equal(b.out));
  CHECK(a.d_x.equal(b.d_x));
}

TEST_CASE("dropout takes rows as they come") {
  const EmulatedGpu gpu;
  const auto x = random_tensor({4, 3, 73}, 1, at::kBFloat16);
  const auto ids = some_row_ids(12).view({4, 3});
  const auto check_equal = [&](const at::Tensor& rows, const at::Tensor& row_ids) {
    const auto plain = dropout_kernels().back().run(rows.reshape({-1, rows.size(-1)}).contiguous(),
                                                    row_ids.reshape({-1}), kRule);
    CHECK(counted_dropout(rows, row_ids, kRule.p, kRule.key).equal(plain.view(rows.sizes())));
  };
  SECTION("strided") { check_equal(x.narrow(2, 0, 72), ids); }
  SECTION("at an odd multiple of 2 bytes") {
    check_equal(x.flatten().narrow(0, 1, 72 * 12).view({4, 3, 72}), ids);
  }
  SECTION("transposed") { check_equal(x.narrow(2, 0, 72).transpose(0, 1), ids.t()); }
  SECTION("none") { check_equal(x.narrow(0, 0, 0).narrow(2, 0, 72), ids.narrow(0, 0, 0)); }
  CHECK(gpu.emulation().counts.size() <= 1);
}

TEST_CASE("the GPU's kernel of dropout leaves other widths and dtypes to the next") {
  const EmulatedGpu gpu;
  const auto takes = [](at::ScalarType dtype, std::int64_t width) {
    return dropout_kernels().front().takes({.dtype = dtype, .width = width});
  };
  CHECK(takes(at::kHalf, 8));
  CHECK_FALSE(takes(at::kHalf, 12));
  CHECK_FALSE(takes(at::kHalf, 0));
  CHECK_FALSE(takes(at::kFloat, 64));
  CHECK_FALSE(takes(at::kDouble, 64));
}

}  // namespace
}  // namespace longspan
