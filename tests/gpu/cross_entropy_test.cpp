// Cross-entropy on a GPU: each row of its tables against the last, and the whole against float64.

#include "longspan/kernels/cross_entropy.h"

#include "gpu/gpus.h"
#include "kernels/kernel_tables.h"
#include "support/tensors.h"

namespace longspan {
namespace {

using testing::difference;
using testing::first_gpu;
using testing::random_tensor;

TEST_CASE("products around the logits on a GPU equal those of float64") {
  const auto gpu = first_gpu();
  const auto dtype = GENERATE(at::kBFloat16, at::kHalf);
  const auto V = GENERATE(std::int64_t{7}, std::int64_t{264}, std::int64_t{1001});
  INFO(dtype << ", V " << V);
  const auto x = random_tensor({130, 64}, 1, dtype).to(gpu),
             weight = random_tensor({V, 64}, 2, dtype).to(gpu),
             d_logits = random_tensor({130, V}, 3, dtype).to(gpu);
  const auto wide = [](const at::Tensor& tensor) { return tensor.to(at::kDouble); };
  const auto expected = at::mm(wide(x), wide(weight).t()),
             expected_gradient = at::mm(wide(d_logits).t(), wide(x)) + 1;
  for (const auto& kernel : logit_product_kernels()) {
    INFO(kernel.name);
    const bool is_plain = kernel.name == logit_product_kernels().back().name;
    // Sums of 130 products of size 3: of float32, or rounded once more to the factors' dtype.
    const double rounding = !is_plain ? 0x1p-20 : dtype == at::kBFloat16 ? 0x1p-4 : 0x1p-7;
    const auto logits = kernel.run.logits(x, weight);
    auto d_weight = at::ones({V, 64}, logits.options());
    kernel.run.add_weight_gradient(d_weight, d_logits, x);
    CHECK(logits.scalar_type() == at::kFloat);
    CHECK(difference(wide(logits).cpu(), expected.cpu(), 64 * rounding) == "");
    CHECK(difference(wide(d_weight).cpu(), expected_gradient.cpu(), 64 * rounding) == "");
  }
}

TEST_CASE("every kernel of the loss on a GPU equals the plain one in float64, with the same bits") {
  const auto gpu = first_gpu();
  const auto dtype = GENERATE(at::kFloat, at::kBFloat16, at::kHalf);
  const auto V = GENERATE(std::int64_t{1}, std::int64_t{7}, std::int64_t{1000}, std::int64_t{20002},
                          std::int64_t{267744});
  const std::int64_t N = 70;
  INFO(dtype << ", V " << V);
  const auto logits = random_tensor({N, V}, 11).mul(12.0).to(gpu);
  const auto all = at::arange(N, at::kLong).mul(611).remainder(V).to(gpu),
             targets = all.masked_fill(at::arange(N).remainder(3).eq(1).to(gpu), -1);
  const auto& plain = cross_entropy_kernels().back().run;
  const auto expected = plain.loss(logits.to(at::kDouble), targets, {at::kDouble, 3.0});
  const auto expected_log_p = plain.log_probabilities(logits.to(at::kDouble), all);
  const double rounding = dtype == at::kFloat ? 0x1p-20 : dtype == at::kHalf ? 0x1p-11 : 0x1p-8;
  for (const auto& kernel : cross_entropy_kernels()) {
    INFO(kernel.name);
    if (!kernel.takes({c10::kCUDA, at::kFloat})) continue;
    const auto run = [&] { return kernel.run.loss(logits.clone(), targets, {dtype, 3.0}); };
    const auto found = run(), again = run();
    CHECK(found.loss.equal(again.loss));
    CHECK(found.d_logits_NV.equal(again.d_logits_NV));
    CHECK(difference(found.loss.cpu(), expected.loss.cpu(), 1e-4, 1e-5) == "");
    CHECK(difference(found.d_logits_NV.cpu(), expected.d_logits_NV.cpu(), 2e-6, 1.001 * rounding) ==
          "");
    const auto log_p = kernel.run.log_probabilities(logits.clone(), all);
    CHECK(difference(log_p.cpu(), expected_log_p.cpu(), 1e-5, 1e-6) == "");
  }
}

// Narrow logits of 50 columns are padded to 56 there.
TEST_CASE("the chunked loss of narrow factors on a GPU is that of the CPU") {
  const auto gpu = first_gpu();
  const auto dtype = GENERATE(at::kBFloat16, at::kHalf);
  const auto targets = at::arange(90, at::kLong).remainder(50).index_fill(0, at::tensor({3}), -1);
  const auto run = [&](c10::Device device) {
    auto x = random_tensor({90, 64}, 1, dtype).to(device).requires_grad_();
    auto weight = random_tensor({50, 64}, 2, dtype).to(device).requires_grad_();
    const auto loss = linear_cross_entropy(x, weight, targets.to(device), 8.0);
    loss.backward(at::full({}, 8.0, loss.options()));
    return std::tuple(loss.item<double>(), x.grad().cpu(), weight.grad().cpu());
  };
  const auto [loss, d_x, d_weight] = run(gpu);
  const auto [expected, expected_d_x, expected_d_weight] = run(c10::kCPU);
  // The CPU rounds its logits, of size 8, to the factors' dtype; sums of 90 gradients are of
  // size 8.
  const double rounding = dtype == at::kBFloat16 ? 0x1p-8 : 0x1p-11;
  CHECK(std::abs(loss / expected - 1) < rounding);
  CHECK(difference(d_x, expected_d_x, 8 * 8 * rounding) == "");
  CHECK(difference(d_weight, expected_d_weight, 8 * 8 * rounding) == "");
}

// V of several chunks of rows.
TEST_CASE("the chunked loss on a GPU has the loss and the gradients of the CPU") {
  const auto gpu = first_gpu();
  const std::int64_t N = 300, D = 8, V = 1 << 21;
  const auto targets =
      at::arange(N, at::kLong).mul(28610).remainder(V).index_fill(0, at::tensor({3}), -1);
  const auto run = [&](c10::Device device) {
    auto features = random_tensor({N, D}, 1).to(device).requires_grad_();
    auto weight = random_tensor({V, D}, 2).to(device).requires_grad_();
    const auto loss = linear_cross_entropy(features, weight, targets.to(device));
    loss.backward();
    return std::tuple(loss.item<double>(), features.grad().cpu(), weight.grad().cpu());
  };
  const auto [loss, d_features, d_weight] = run(gpu);
  const auto [expected, expected_features, expected_weight] = run(c10::kCPU);
  CHECK(std::abs(loss / expected - 1) < 1e-6);
  CHECK(difference(d_features, expected_features, 1e-4) == "");
  CHECK(difference(d_weight, expected_weight, 1e-5) == "");
}

}  // namespace
}  // namespace longspan
