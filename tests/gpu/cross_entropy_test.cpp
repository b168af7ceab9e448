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
