// Counted dropout: what is kept, what depends on what, and its gradient.

#include "longspan/kernels/dropout.h"

#include <cmath>

#include "kernels/kernel_tables.h"
#include "support/tensors.h"

namespace longspan {
namespace {

using testing::random_tensor;

const DropoutKey kKey{7, 3, 5};

at::Tensor rows(std::int64_t first, std::int64_t count, std::int64_t positions) {
  return dropout_row_ids(at::arange(first, first + count, at::kLong), 0, positions);
}

TEST_CASE("the share of kept elements and the mean are right within six deviations") {
  const double p = 0.3;
  const auto x = at::ones({4, 100, 80});
  const auto y = counted_dropout(x, rows(0, 4, 100), p, kKey);
  const double n = 32000, deviation = std::sqrt(p * (1 - p) / n);
  CHECK(std::abs(y.eq(0).to(at::kDouble).mean().item<double>() - p) < 6 * deviation);
  CHECK(std::abs(y.mean().item<double>() - 1.0) < 6 * deviation / (1 - p));
}

TEST_CASE("p = 0 returns the input itself") {
  const auto x = random_tensor({2, 3}, 1);
  CHECK(counted_dropout(x, at::arange(2, at::kLong), 0.0, kKey).is_same(x));
}

TEST_CASE("a row's mask does not depend on the split into batches or threads") {
  const auto x = random_tensor({5, 7, 90}, 2);
  const auto whole = counted_dropout(x, rows(10, 5, 7), 0.4, kKey);
  for (std::int64_t b = 0; b < 5; ++b)
    CHECK(whole.narrow(0, b, 1).equal(
        counted_dropout(x.narrow(0, b, 1), rows(10 + b, 1, 7), 0.4, kKey)));
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  CHECK(whole.equal(counted_dropout(x, rows(10, 5, 7), 0.4, kKey)));
  at::set_num_threads(threads);
}

TEST_CASE("seed, step, site, sequence and position each change the mask") {
  const auto x = at::ones({1, 1, 256});
  const auto base = counted_dropout(x, rows(4, 1, 1), 0.5, kKey);
  CHECK(base.equal(counted_dropout(x, rows(4, 1, 1), 0.5, kKey)));
  CHECK_FALSE(base.equal(counted_dropout(x, rows(4, 1, 1), 0.5, {8, 3, 5})));
  CHECK_FALSE(base.equal(counted_dropout(x, rows(4, 1, 1), 0.5, {7, 4, 5})));
  CHECK_FALSE(base.equal(counted_dropout(x, rows(4, 1, 1), 0.5, {7, 3, 6})));
  CHECK_FALSE(base.equal(counted_dropout(x, rows(5, 1, 1), 0.5, kKey)));
  const auto later = dropout_row_ids(at::full({1}, 4, at::kLong), 1, 1);
  CHECK_FALSE(base.equal(counted_dropout(x, later, 0.5, kKey)));
}

TEST_CASE("backward draws the mask of forward") {
  auto x = random_tensor({3, 4, 70}, 3, at::kDouble).requires_grad_();
  const auto y = counted_dropout(x, rows(0, 3, 4), 0.25, kKey);
  y.sum().backward();
  CHECK(testing::difference(x.grad() * x, y, 1e-12).empty());
}

TEST_CASE("all types keep the same elements") {
  const auto x = at::ones({1, 6, 33}, at::kDouble);
  const auto reference = counted_dropout(x, rows(2, 1, 6), 0.6, kKey).ne(0);
  for (const auto dtype : {at::kFloat, at::kBFloat16, at::kHalf}) {
    const auto y = counted_dropout(x.to(dtype), rows(2, 1, 6), 0.6, kKey);
    CHECK(y.scalar_type() == dtype);
    CHECK(y.ne(0).equal(reference));
  }
}

TEST_CASE("every kernel drops the same elements and scales the others alike") {
  const auto dtype = GENERATE(at::kFloat, at::kDouble, at::kBFloat16, at::kHalf);
  const auto x_ND = random_tensor({6, 70}, 4, dtype), row_ids_N = rows(2, 1, 6).reshape({-1});
  const auto kernels = dropout_kernels();
  const DropoutRule rule{0.3, kKey};
  const auto plain = kernels.back().run(x_ND, row_ids_N, rule);
  for (const auto& kernel : kernels.first(kernels.size() - 1)) {
    INFO(kernel.name);
    if (!kernel.takes({c10::kCPU, dtype})) continue;
    const auto y_ND = kernel.run(x_ND, row_ids_N, rule);
    CHECK(y_ND.scalar_type() == dtype);
    CHECK(y_ND.equal(plain));
  }
}

}  // namespace
}  // namespace longspan
