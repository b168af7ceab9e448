// The chunked loss against log-softmax on whole logits.

#include "longspan/kernels/cross_entropy.h"

#include "kernels/kernel_tables.h"
#include "support/tensors.h"

namespace longspan {
namespace {

using testing::difference;
using testing::random_tensor;

at::Tensor plain_loss(const at::Tensor& features, const at::Tensor& weight,
                      const at::Tensor& targets) {
  const auto counted = targets.ge(0);
  const auto log_p = at::linear(features, weight).log_softmax(-1);
  return log_p.gather(1, targets.clamp_min(0).unsqueeze(1))
      .squeeze(1)
      .neg()
      .masked_fill(counted.logical_not(), 0)
      .sum();
}

TEST_CASE("loss and gradients equal the plain ones, ignored targets included") {
  // V large enough for several chunks of rows
  const std::int64_t N = 45, D = 5, V = 130000;
  const auto targets = at::arange(N, at::kLong)
                           .mul(2861)
                           .remainder(V)
                           .index_fill(0, at::tensor({3, 17}, at::kLong), -1);
  auto features = random_tensor({N, D}, 1, at::kDouble).requires_grad_();
  auto weight = random_tensor({V, D}, 2, at::kDouble).requires_grad_();
  auto plain_features = features.detach().clone().requires_grad_();
  auto plain_weight = weight.detach().clone().requires_grad_();
  const auto loss = linear_cross_entropy(features, weight, targets);
  const auto plain = plain_loss(plain_features, plain_weight, targets);
  CHECK(difference(loss, plain, 1e-9).empty());
  loss.mul(0.25).backward();
  plain.mul(0.25).backward();
  CHECK(difference(features.grad(), plain_features.grad(), 1e-10).empty());
  CHECK(difference(weight.grad(), plain_weight.grad(), 1e-10).empty());
}

TEST_CASE("a chunk of logits has up to 32 MiB on a CPU, and 64 to 4,096 rows") {
  const auto rows = [](std::int64_t V, at::ScalarType dtype) {
    return rows_of_logits_at_once(V, dtype, c10::kCPU);
  };
  CHECK(rows(8192, at::kFloat) == 1024);
  CHECK(rows(8193, at::kFloat) == 1023);
  CHECK(rows(8192, at::kBFloat16) == 2048);
  CHECK(rows(8192, at::kHalf) == 1024);  // becomes float32
  CHECK(rows(1, at::kFloat) == 4096);
  CHECK(rows(267744, at::kFloat) == 64);
}

TEST_CASE("a chunk of logits has up to 1 GiB of float32 on a GPU, and whole tiles of 128 rows") {
  CHECK(rows_of_logits_at_once(1, at::kBFloat16, c10::kCUDA) == 4096);
  CHECK(rows_of_logits_at_once(20002, at::kBFloat16, c10::kCUDA) == 4096);
  CHECK(rows_of_logits_at_once(65536, at::kBFloat16, c10::kCUDA) == 4096);
  CHECK(rows_of_logits_at_once(65537, at::kBFloat16, c10::kCUDA) == 3968);
  CHECK(rows_of_logits_at_once(267744, at::kBFloat16, c10::kCUDA) == 896);
  CHECK(rows_of_logits_at_once(1 << 22, at::kBFloat16, c10::kCUDA) == 64);
  CHECK(rows_of_logits_at_once(1 << 26, at::kBFloat16, c10::kCUDA) == 64);
}

TEST_CASE("gradients of the loss pass the float64 check") {
  auto features = random_tensor({4, 3}, 5, at::kDouble).requires_grad_();
  auto weight = random_tensor({6, 3}, 6, at::kDouble).requires_grad_();
  const auto targets = at::tensor({5, -1, 0, 2}, at::kLong);
  CHECK(testing::check_gradients([&] { return linear_cross_entropy(features, weight, targets); },
                                 {features, weight}) == "");
}

TEST_CASE("narrower types stay within their rounding of the float64 loss") {
  const auto features = random_tensor({64, 32}, 7, at::kDouble),
             weight = random_tensor({211, 32}, 8, at::kDouble);
  const auto targets = at::arange(64, at::kLong).mul(3);
  const double exact = plain_loss(features, weight, targets).item<double>();
  const double single =
      linear_cross_entropy(features.to(at::kFloat), weight.to(at::kFloat), targets).item<double>();
  CHECK(std::abs(single / exact - 1) < 32 * std::exp2(-24));
  // A logit is a sum of 32 products of inputs rounded to 2^-9 (float16: 2^-12), then rounded
  // itself; the mean over 64 rows averages it.
  for (const auto& [dtype, rounding] :
       {std::pair{at::kBFloat16, std::exp2(-9)}, std::pair{at::kHalf, std::exp2(-12)}}) {
    const double narrow =
        linear_cross_entropy(features.to(dtype), weight.to(dtype), targets).item<double>();
    CHECK(std::abs(narrow / exact - 1) < 4 * rounding);
  }
}

// The second id's probability is exp(-18) = 1.5e-8, below the least float16 (6.0e-8) and, times
// 1024, 1.6e-5: 256 of its steps, so it is rounded by at most a 512th.
TEST_CASE("float16: a gradient below its range survives when the loss scale is known") {
  const auto features = at::ones({1, 1}, at::kHalf);
  const auto gradient = [&](double told, double loss_scale) {
    const auto weight = at::tensor({0.0, -18.0}).view({2, 1}).to(at::kHalf).requires_grad_();
    linear_cross_entropy(features, weight, at::tensor({0}, at::kLong), told)
        .backward(at::full({}, loss_scale));
    return weight.grad()[1][0].item<double>() / loss_scale;
  };
  CHECK(gradient(1.0, 1024.0) == 0.0);
  CHECK(std::abs(gradient(1024.0, 1024.0) / std::exp(-18.0) - 1) < 1.0 / 512);
  CHECK(std::isinf(gradient(std::exp2(43), std::exp2(43))));  // past 65504: shown, not hidden
}

TEST_CASE("a loss scale that is told ahead changes no float32 gradient") {
  const auto features = random_tensor({9, 4}, 1), targets = at::arange(9, at::kLong);
  const auto gradient = [&](double told) {
    const auto weight = random_tensor({11, 4}, 2).requires_grad_();
    linear_cross_entropy(features, weight, targets, told).backward(at::full({}, 64.0));
    return weight.grad();
  };
  CHECK(gradient(64.0).equal(gradient(1.0)));
}

TEST_CASE("log-probabilities sum to the loss") {
  const auto features = random_tensor({37, 8}, 9), weight = random_tensor({100, 8}, 10);
  const auto targets = at::arange(37, at::kLong);
  const auto log_p = linear_log_probabilities(features, weight, targets);
  CHECK(difference(
            log_p,
            at::linear(features, weight).log_softmax(-1).gather(1, targets.unsqueeze(1)).squeeze(1),
            2e-6)
            .empty());
}

TEST_CASE("every kernel has the loss, the gradient and the log-probabilities of the plain one") {
  const auto dtype = GENERATE(at::kFloat, at::kDouble);
  const auto logits = random_tensor({37, 100}, 11, dtype).mul(6.0);
  const auto targets = at::arange(37, at::kLong),
             ignoring = targets.index_fill(0, at::tensor({3, 17}, at::kLong), -1);
  // Rounding of a sum of 100 probabilities and of logarithms up to 20.
  const double tolerance = (dtype == at::kDouble ? std::exp2(-53) : std::exp2(-24)) * 64;
  const auto kernels = cross_entropy_kernels();
  const auto narrow = GENERATE(at::kFloat, at::kBFloat16, at::kHalf);
  const LogitGradient wanted{narrow == at::kFloat ? dtype : narrow, 4.0};
  const double rounding = narrow == at::kFloat ? 0.0 : narrow == at::kHalf ? 0x1p-11 : 0x1p-8;
  const auto plain = kernels.back().run.loss(logits.clone(), ignoring, wanted);
  CHECK(plain.d_logits_NV.scalar_type() == wanted.dtype);
  const auto plain_log_p = kernels.back().run.log_probabilities(logits.to(at::kFloat), targets);
  for (const auto& kernel : kernels.first(kernels.size() - 1)) {
    INFO(kernel.name);
    if (!kernel.takes({c10::kCPU, dtype})) continue;
    const auto found = kernel.run.loss(logits.clone(), ignoring, wanted);
    CHECK(found.d_logits_NV.scalar_type() == wanted.dtype);
    CHECK(difference(found.loss, plain.loss, 0.0, tolerance) == "");
    CHECK(difference(found.d_logits_NV, plain.d_logits_NV, 4 * tolerance, rounding) == "");
    CHECK(difference(kernel.run.log_probabilities(logits.to(at::kFloat, false, true), targets),
                     plain_log_p, std::exp2(-24) * 64) == "");
  }
}

TEST_CASE("products with float32 sums are for narrow factors on a GPU, the others take the last") {
  const auto chosen = [](c10::DeviceType device, at::ScalarType dtype) {
    return kernel_for(logit_product_kernels(), {device, dtype}).name;
  };
  const auto plain = logit_product_kernels().back().name;
  for (const auto dtype : {at::kBFloat16, at::kHalf})
    CHECK(chosen(c10::kCUDA, dtype) == "float32 sums of narrow factors on a GPU");
  CHECK(chosen(c10::kCPU, at::kBFloat16) == "logits that stay bfloat16 on a CPU");
  CHECK(chosen(c10::kCPU, at::kHalf) == plain);
  for (const auto dtype : {at::kFloat, at::kDouble}) {
    CHECK(chosen(c10::kCUDA, dtype) == plain);
    CHECK(chosen(c10::kCPU, dtype) == plain);
  }
}

TEST_CASE("the plain products have the dtype of sums and the numbers of float64") {
  const auto dtype = GENERATE(at::kBFloat16, at::kHalf, at::kFloat, at::kDouble);
  const auto x = random_tensor({9, 5}, 1, dtype), weight = random_tensor({7, 5}, 2, dtype),
             d_logits = random_tensor({9, 7}, 3, dtype);
  const auto start = random_tensor({7, 5}, 4, sums_of(dtype));
  const auto wide = [](const at::Tensor& tensor) { return tensor.to(at::kDouble); };
  const auto& run = logit_product_kernels().back().run;
  const auto logits = run.logits(x, weight);
  auto d_weight = start.clone();
  run.add_weight_gradient(d_weight, d_logits, x);
  CHECK(logits.scalar_type() == sums_of(dtype));
  CHECK(d_weight.scalar_type() == sums_of(dtype));
  // Sums of at most nine products of size 3 are rounded once to the factors' dtype.
  const double rounding = dtype == at::kBFloat16 ? 0x1p-9 : dtype == at::kHalf ? 0x1p-12 : 0x1p-24;
  CHECK(difference(wide(logits), at::mm(wide(x), wide(weight).t()), 9 * rounding) == "");
  CHECK(difference(wide(d_weight), at::mm(wide(d_logits).t(), wide(x)) + wide(start),
                   9 * rounding) == "");
}

}  // namespace
}  // namespace longspan
