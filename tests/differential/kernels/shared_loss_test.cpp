// The loss of passes that share a narrow weight and the sum of its gradients, on the CPU and on the
// emulator, against float64.

#include <cmath>
#include <optional>

#include "emulator/launches.h"
#include "longspan/core/error.h"
#include "longspan/kernels/cross_entropy.h"
#include "support/tensors.h"

namespace longspan {
namespace {

using testing::random_tensor;

constexpr std::int64_t kPasses = 3, kD = 16;
constexpr double kScale = 8.0;

// A pass in float64, and how far each number may be from it in a narrow dtype.
struct Exact {
  double loss = 0.0, loss_bound = 0.0;
  at::Tensor d_features_ND, d_features_bound_ND, d_weight_VD, d_weight_bound_VD;
};

// Rounding to nearest moves a number by at most `unit` of it: a logit, and hence a probability by
// the factor exp(2 greatest logit unit); its gradient; each product with that. Sums of at most a
// hundred terms in float32 add what half a unit of a hundredth is.
Exact exact_pass(const at::Tensor& x_ND, const at::Tensor& w_VD, const at::Tensor& targets_N,
                 double rounding) {
  const double unit = 1.01 * rounding;
  const at::Tensor counted_N1 = targets_N.ge(0).to(at::kDouble).unsqueeze(1);
  const at::Tensor logits_NV = at::mm(x_ND, w_VD.t()), log_p_NV = logits_NV.log_softmax(-1),
                   p_NV = log_p_NV.exp() * counted_N1;
  const at::Tensor index_N1 = targets_N.clamp_min(0).unsqueeze(1);
  const at::Tensor d_NV = (p_NV - at::zeros_like(p_NV).scatter(1, index_N1, counted_N1)) * kScale;
  const double shift = 2.0 * unit * logits_NV.abs().max().item<double>();
  const at::Tensor d_bound_NV =
      p_NV * (std::expm1(shift) * kScale * (1 + unit)) + d_NV.abs() * unit;
  Exact exact;
  exact.loss = -(log_p_NV.gather(1, index_N1) * counted_N1).sum().item<double>();
  exact.loss_bound = shift * counted_N1.sum().item<double>();
  exact.d_features_ND = at::mm(d_NV, w_VD);
  exact.d_features_bound_ND =
      at::mm(d_bound_NV, w_VD.abs()) * (1 + unit) + exact.d_features_ND.abs() * unit;
  exact.d_weight_VD = at::mm(d_NV.t(), x_ND);
  exact.d_weight_bound_VD =
      at::mm(d_bound_NV.t(), x_ND.abs()) * (1 + unit) + exact.d_weight_VD.abs() * unit;
  return exact;
}

// Returns how often the bound the worst element is off; at most 1 is right.
double worst(const at::Tensor& found, const at::Tensor& exact, const at::Tensor& bound) {
  return ((found.to(at::kDouble) - exact).abs() / bound.clamp_min(1e-12)).max().item<double>();
}

at::Tensor with_further_rows(const at::Tensor& weight_VD) {
  const std::int64_t V = weight_VD.size(0);
  const auto columns = columns_of_logits(V, weight_VD.scalar_type(), c10::kCPU);
  return at::constant_pad_nd(weight_VD, {0, 0, 0, columns - V});
}

TEST_CASE("passes that share a weight add its gradient up as float64 does") {
  const auto [dtype, rounding] =
      GENERATE(table<at::ScalarType, double>({{at::kBFloat16, 0x1p-9}, {at::kHalf, 0x1p-12}}));
  const auto V = GENERATE(std::int64_t{5}, std::int64_t{48}, std::int64_t{50});
  const bool emulated = GENERATE(false, true);
  INFO(dtype << ", V " << V << ", emulated " << emulated);
  std::optional<emulator::EmulatedGpu> gpu;
  if (emulated) gpu.emplace();
  const auto weight_VD = random_tensor({V, kD}, 2, dtype);
  const auto weight_CD = with_further_rows(weight_VD);
  CHECK(weight_CD.size(0) == (emulated ? (V + 7) / 8 * 8 : V));
  at::Tensor sum_CD;
  auto exact_sum = at::zeros({V, kD}, at::kDouble), bound = at::zeros({V, kD}, at::kDouble);
  for (std::int64_t pass = 0; pass < kPasses; ++pass) {
    const std::int64_t N = 9 + pass;
    const auto x_ND = random_tensor({N, kD}, 10 + static_cast<std::uint64_t>(pass), dtype);
    const auto targets_N = at::arange(N, at::kLong)
                               .mul(611)
                               .add(pass)
                               .remainder(V)
                               .masked_fill(at::arange(N).remainder(4).eq(1), -1);
    const auto exact =
        exact_pass(x_ND.to(at::kDouble), weight_VD.to(at::kDouble), targets_N, rounding);
    const auto found = linear_cross_entropy({x_ND, weight_CD, V, targets_N, kScale}, &sum_CD);
    CHECK(std::abs(found.loss.item<double>() - exact.loss) <= exact.loss_bound);
    CHECK(found.d_features_ND.scalar_type() == dtype);
    CHECK(worst(found.d_features_ND, exact.d_features_ND, exact.d_features_bound_ND) <= 1.0);
    exact_sum += exact.d_weight_VD;
    bound += exact.d_weight_bound_VD;
    const auto alone = linear_cross_entropy({x_ND, weight_CD, V, targets_N, kScale}, nullptr);
    CHECK(alone.loss.equal(found.loss));
    CHECK_FALSE(alone.d_features_ND.defined());
  }
  CHECK(sum_CD.scalar_type() == at::kFloat);
  CHECK(worst(sum_CD.narrow(0, 0, V), exact_sum, bound) <= 1.0);
  CHECK(sum_CD.narrow(0, V, sum_CD.size(0) - V).eq(0).all().item<bool>());
}

TEST_CASE("a pass without rows adds nothing, and makes no sum") {
  const auto weight_VD = random_tensor({8, kD}, 2, at::kBFloat16);
  const auto none_ND = at::empty({0, kD}, at::kBFloat16), no_targets = at::empty({0}, at::kLong);
  at::Tensor sum_VD;
  const auto found = linear_cross_entropy({none_ND, weight_VD, 8, no_targets}, &sum_VD);
  CHECK(found.loss.item<double>() == 0.0);
  CHECK(found.d_features_ND.sizes() == none_ND.sizes());
  CHECK_FALSE(sum_VD.defined());
}

TEST_CASE("a weight without the rows of its further columns is refused") {
  const emulator::EmulatedGpu gpu;
  const auto x_ND = random_tensor({2, kD}, 1, at::kBFloat16),
             weight_VD = random_tensor({5, kD}, 2, at::kBFloat16);
  CHECK_THROWS_AS(linear_cross_entropy({x_ND, weight_VD, 5, at::zeros({2}, at::kLong)}, nullptr),
                  Error);
}

}  // namespace
}  // namespace longspan
