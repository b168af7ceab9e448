// Sums of rows by id against the plain way.

#include <ATen/Parallel.h>

#include "kernels/kernel_tables.h"
#include "longspan/core/error.h"
#include "longspan/kernels/weight_gradient.h"
#include "support/tensors.h"

namespace longspan {
namespace {

using testing::difference;
using testing::random_tensor;

constexpr std::int64_t kN = 700, kD = 130, kV = 23;

at::Tensor ids() { return at::arange(kN, at::kLong).mul(611).remainder(kV - 2); }

TEST_CASE("every kernel adds rows as the plain one does, to no other row") {
  const auto rows = random_tensor({kN, kD}, 1), start = random_tensor({kV, kD}, 2);
  const auto kernels = row_sum_kernels();
  auto plain = start.clone();
  kernels.back().run(plain, ids(), rows);
  const auto exact = start.to(at::kDouble).index_add(0, ids(), rows.to(at::kDouble));
  for (const auto& kernel : kernels) {
    INFO(kernel.name);
    auto sum = start.clone();
    kernel.run(sum, ids(), rows);
    // 34 rows, of numbers up to 1, an id.
    CHECK(difference(sum, exact, 34 * 34 * std::exp2(-24)) == "");
    CHECK(sum.narrow(0, kV - 2, 2).equal(start.narrow(0, kV - 2, 2)));
  }
}

TEST_CASE("sums of rows have the same bits on any number of threads") {
  const auto rows = random_tensor({kN, kD}, 1);
  const auto sum_on = [&](int threads) {
    const int before = at::get_num_threads();
    at::set_num_threads(threads);
    auto sum = at::zeros({kV, kD});
    add_rows(sum, ids(), rows);
    at::set_num_threads(before);
    return sum;
  };
  CHECK(sum_on(1).equal(sum_on(3)));
}

TEST_CASE("rows and sums that are not float32 are refused, and no rows add nothing") {
  auto sum = at::zeros({3, 2}, at::kDouble);
  CHECK_THROWS_AS(add_rows(sum, at::zeros({1}, at::kLong), at::ones({1, 2}, at::kDouble)), Error);
  auto single = at::ones({3, 2});
  add_rows(single, at::empty({0}, at::kLong), at::empty({0, 2}));
  CHECK(single.equal(at::ones({3, 2})));
}

}  // namespace
}  // namespace longspan
