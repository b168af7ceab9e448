// Sums of columns against float64.

#include <ATen/Parallel.h>

#include <cmath>

#include "kernels/kernel_tables.h"
#include "longspan/kernels/weight_gradient.h"
#include "support/tensors.h"

namespace longspan {
namespace {

using testing::difference;
using testing::random_tensor;

TEST_CASE("every kernel sums the columns of odd and even matrices, and of parts of rows") {
  for (const auto dtype : {at::kBFloat16, at::kHalf, at::kFloat, at::kDouble})
    for (const std::int64_t N : {1, 3, 256, 257, 1000})
      for (const std::int64_t O : {1, 63, 64, 130, 2048}) {
        const auto x = random_tensor({N, O + 5}, 1).to(dtype).narrow(1, 2, O);
        const auto exact = x.to(at::kDouble).sum(0);
        for (const auto& kernel : column_sum_kernels()) {
          if (!kernel.takes({c10::kCPU, dtype})) continue;
          INFO(kernel.name << ", " << dtype << ' ' << N << " x " << O);
          const auto sum = kernel.run(x);
          CHECK(sum.scalar_type() == sums_of(dtype));
          // Sums of 256 numbers up to 1, one after another, and of these.
          CHECK(difference(sum, exact, std::exp2(-24) * 256 * static_cast<double>(N)) == "");
        }
      }
}

TEST_CASE("columns that lie apart are summed too, and no rows are zeros") {
  const auto x = random_tensor({130, 70}, 2).to(at::kBFloat16);
  CHECK(column_sums(x.t()).equal(column_sums(x.t().contiguous())));
  CHECK(column_sums(x.narrow(0, 0, 0)).equal(at::zeros({70})));
}

TEST_CASE("sums of columns have the same bits on any number of threads") {
  const auto x = random_tensor({700, 1000}, 3).to(at::kBFloat16);
  const int before = at::get_num_threads();
  at::set_num_threads(1);
  const auto alone = column_sums(x);
  at::set_num_threads(3);
  CHECK(column_sums(x).equal(alone));
  at::set_num_threads(before);
}

}  // namespace
}  // namespace longspan
