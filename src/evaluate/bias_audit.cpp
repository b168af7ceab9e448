// The bias of attention held against float64: recovered from what attention returns, so that the
// kernel itself is audited and not a copy of its arithmetic.

#include "longspan/evaluate/bias_audit.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "longspan/core/error.h"

namespace longspan {
namespace {

constexpr std::int64_t kQueries = 64;  // a whole block of every kernel
constexpr std::int64_t kKeyTile = 64;  // of a GPU's kernels
constexpr double kUnseen = -1e20;      // below it a window hides the key
constexpr double kLargestProduct = 0x1p14;
constexpr double kInfinity = std::numeric_limits<double>::infinity(),
                 kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kFloatRoundoff = 0x1p-24;

double unit_roundoff(at::ScalarType dtype) {
  if (dtype == at::kBFloat16) return 0x1p-8;
  return dtype == at::kHalf ? 0x1p-11 : 0.0;  // float32 probabilities are not rounded once more
}

std::int64_t queries_of(AttentionPass pass, std::int64_t num_keys) {
  return pass == AttentionPass::Decoding ? 1 : std::min(num_keys, kQueries);
}

// By distance, float64 [H, N] on the CPU.
struct Recovered {
  at::Tensor bias_HN;      // less that at distance 0
  at::Tensor residual_HN;  // what the products of queries and keys were to leave of the bias
  at::Tensor p_HN;         // what came out
  at::Tensor is_seen_HN;   // no window hides the key
  at::Tensor is_known_HN;  // and its probability can be told
};

struct Cancelling {
  at::Tensor q_BTHK, k_BSHK;
  AttentionOptions options;
};

at::Tensor forward_probabilities(const Cancelling& given, const BiasProbe& probe) {
  const std::int64_t S = given.k_BSHK.size(1), H = given.k_BSHK.size(2), K = given.k_BSHK.size(3);
  const at::Tensor p_HS = at::empty({H, S}, at::kDouble);
  for (std::int64_t first = 0; first < S; first += K) {
    const std::int64_t count = std::min(K, S - first);
    const at::Tensor v_BSHK = at::zeros(given.k_BSHK.sizes(), given.k_BSHK.options());
    // Key first + i alone has a one in its element i.
    v_BSHK.select(0, 0).narrow(0, first, count).narrow(2, 0, count).diagonal(0, 0, 2).fill_(1.0);
    const at::Tensor out_BTHK = probe.attend(given.q_BTHK, given.k_BSHK, v_BSHK, given.options);
    p_HS.narrow(1, first, count).copy_(out_BTHK.select(0, 0).select(0, -1).narrow(1, 0, count));
  }
  return p_HS;
}

// The gradient of the last query's first element by the values is that query's probabilities.
at::Tensor backward_probabilities(const Cancelling& given, const BiasProbe& probe) {
  const at::AutoGradMode with_gradient(true);
  const at::Tensor v_BSHK = at::zeros(given.k_BSHK.sizes(), given.k_BSHK.options());
  v_BSHK.set_requires_grad(true);
  const at::Tensor out_BTHK = probe.attend(given.q_BTHK, given.k_BSHK, v_BSHK, given.options);
  const at::Tensor d_out_BTHK = at::zeros(out_BTHK.sizes(), out_BTHK.options());
  d_out_BTHK.select(0, 0).select(0, -1).select(1, 0).fill_(1.0);
  out_BTHK.backward(d_out_BTHK);
  return v_BSHK.grad().select(0, 0).select(2, 0).t().to(at::kCPU, at::kDouble);
}

double power_of_two_above(double x) { return std::exp2(std::max(0.0, std::ceil(std::log2(x)))); }

Recovered recover(const ScoreBias& bias, const at::Tensor& given_HN, const BiasProbe& probe) {
  const std::int64_t H = given_HN.size(0), S = given_HN.size(1);
  const std::int64_t T = queries_of(probe.pass, S);
  const auto options = at::device(probe.device).dtype(probe.dtype);
  Recovered found;
  found.is_seen_HN = given_HN.gt(kUnseen);
  const at::Tensor seen_HN = at::where(found.is_seen_HN, given_HN, 0.0);
  // Numbers of the dtype, times a power of two so that they fit.
  const double scale = power_of_two_above(seen_HN.abs().max().item<double>() / kLargestProduct);
  const at::Tensor product_HN = seen_HN.div(scale).to(probe.dtype);
  const Cancelling given{at::zeros({1, T, H, probe.head_dim}, options),
                         at::zeros({1, S, H, probe.head_dim}, options),
                         {bias, scale, std::nullopt}};
  given.q_BTHK.select(3, 0).fill_(1.0);
  given.k_BSHK.select(0, 0).select(2, 0).copy_(product_HN.neg().flip(1).t());
  found.p_HN = (probe.pass == AttentionPass::Backward ? backward_probabilities(given, probe)
                                                      : forward_probabilities(given, probe))
                   .flip(1);
  const at::Tensor cancelled_HN = product_HN.to(at::kDouble).mul(scale);
  found.residual_HN = seen_HN - cancelled_HN;
  // In float16 a probability below 2^-24 is none; four times that can be told.
  const at::Tensor scores_HN = at::where(found.is_seen_HN, found.residual_HN, -kInfinity);
  found.is_known_HN = found.is_seen_HN.logical_and(
      scores_HN.softmax(1).gt(probe.dtype == at::kHalf ? 0x1p-22 : 0x1p-100));
  const at::Tensor found_HN = found.p_HN.log() + cancelled_HN;
  found.bias_HN = found_HN - found_HN.narrow(1, 0, 1);
  return found;
}

// How many roundings, each of a number as large as the bias, part the score from the bias.
double roundings_of_bias(const ScoreBias& bias, at::ScalarType dtype) {
  const auto part = trainable_part(bias);
  double roundings = part.defined() && part.scalar_type() == at::kDouble ? 1.0 : 0.0;
  if (std::holds_alternative<LinearBias>(bias)) roundings = 2.0;
  return roundings + (c10::isReducedFloatingType(dtype) ? 6.0 : 0.0);
}

at::Tensor bounds(const ScoreBias& bias, const at::Tensor& given_HN, const Recovered& found,
                  at::ScalarType dtype) {
  const auto S = static_cast<double>(given_HN.size(1));
  const at::Tensor size_HN = at::where(found.is_seen_HN, given_HN, 0.0).abs();
  const at::Tensor greatest_H1 = found.residual_HN.abs().amax(1, /*keepdim=*/true);
  double of_probability = 2.0 * unit_roundoff(dtype) + 8.0 * kFloatRoundoff;
  if (c10::isReducedFloatingType(dtype))
    of_probability += 5.0 * kFloatRoundoff * std::ceil(S / kKeyTile);
  at::Tensor bound_HN = size_HN.mul(roundings_of_bias(bias, dtype) * kFloatRoundoff) +
                        greatest_H1.mul(2.0).add(std::log(S)).mul(3.0 * kFloatRoundoff) +
                        of_probability;
  if (dtype == at::kHalf) {
    const at::Tensor scores_HN = at::where(found.is_seen_HN, found.residual_HN, -kInfinity);
    bound_HN = bound_HN + scores_HN.softmax(1).reciprocal().mul(0x1p-24);
  }
  return bound_HN + bound_HN.narrow(1, 0, 1);
}

at::Tensor less_first(const at::Tensor& x_HN) { return x_HN - x_HN.narrow(1, 0, 1); }

struct Errors {
  at::Tensor absolute_HN, relative_HN, kernel_HN, of_bound_HN;
};

// What cannot be told is no error; what should be there and is not (log 0) is an infinite one, and
// so is a key that a window hides and that is seen.
at::Tensor errors_from(const at::Tensor& wanted_HN, const Recovered& found) {
  const at::Tensor known_HN = at::where(
      found.is_known_HN,
      (found.bias_HN - less_first(wanted_HN)).abs().nan_to_num(kInfinity, kInfinity), 0.0);
  const at::Tensor is_leak_HN = found.is_seen_HN.logical_not().logical_and(found.p_HN.ne(0.0));
  return at::where(is_leak_HN, kInfinity, known_HN);
}

Errors errors_of(const ScoreBias& bias, const at::Tensor& given_HN, const at::Tensor& definition_HN,
                 const Recovered& found, at::ScalarType dtype) {
  Errors errors;
  errors.absolute_HN = errors_from(definition_HN, found);
  const at::Tensor size_HN = less_first(definition_HN).abs();
  errors.relative_HN =
      at::where(size_HN.ge(1.0).logical_and(found.is_seen_HN), errors.absolute_HN / size_HN, kNaN);
  errors.kernel_HN = errors_from(given_HN, found);
  const at::Tensor bound_HN = bounds(bias, given_HN, found, dtype);
  errors.of_bound_HN =
      at::where(errors.kernel_HN.isfinite(), errors.kernel_HN / bound_HN, kInfinity);
  return errors;
}

double greatest(const at::Tensor& x) { return x.max().item<double>(); }

// NaN where there is no number.
double greatest_number(const at::Tensor& x) {
  const double most = greatest(x.nan_to_num(-1.0, kInfinity));
  return most < 0.0 ? kNaN : most;
}

std::vector<DistanceBiasErrors> by_distance(const Errors& errors) {
  const std::int64_t N = errors.absolute_HN.size(1);
  std::vector<DistanceBiasErrors> distances;
  for (std::int64_t first = 0; first < N; first = std::max<std::int64_t>(1, 2 * first)) {
    const std::int64_t last = std::min(std::max<std::int64_t>(2 * first - 1, first), N - 1);
    const auto within = [&](const at::Tensor& x_HN) {
      return x_HN.narrow(1, first, last - first + 1);
    };
    distances.push_back({first, last, greatest(within(errors.absolute_HN)),
                         greatest_number(within(errors.relative_HN))});
  }
  return distances;
}

double change_of_probabilities(const at::Tensor& found_N, const at::Tensor& definition_N,
                               const at::Tensor& is_known_N) {
  const at::Tensor formed_N = at::where(is_known_N, found_N, definition_N);
  return formed_N.softmax(0).sub(definition_N.softmax(0)).abs().sum().item<double>() / 2.0;
}

ScoreBias without_gradient(const ScoreBias& bias) {
  const at::Tensor part = trainable_part(bias);
  return part.defined() ? with_trainable_part(bias, part.detach()) : bias;
}

}  // namespace

std::string_view name_of(AttentionPass pass) {
  switch (pass) {
    case AttentionPass::Forward:
      return "forward";
    case AttentionPass::Backward:
      return "backward";
    case AttentionPass::Decoding:
      return "decoding";
  }
  unreachable();
}

std::size_t BiasAudit::worst_head() const {
  const auto worst = std::ranges::max_element(heads, {}, &HeadBiasErrors::of_bound);
  return static_cast<std::size_t>(worst - heads.begin());
}

BiasAudit audit_bias(const ScoreBias& bias, const at::Tensor& definition_HN,
                     const BiasProbe& probe) {
  check(definition_HN.dim() == 2 && definition_HN.scalar_type() == at::kDouble, ErrorKind::Internal,
        "a bias by definition must be float64 [H, N], got ", definition_HN.sizes());
  const at::NoGradGuard no_gradient;
  const std::int64_t H = definition_HN.size(0), N = definition_HN.size(1);
  const ScoreBias constant = without_gradient(bias);
  const at::Tensor given_HN = bias_in_float64(constant, H, N);
  const Recovered found = recover(constant, given_HN, probe);
  const Errors errors = errors_of(constant, given_HN, definition_HN, found, probe.dtype);
  BiasAudit audit{N,
                  attention_path({probe.device.type(), probe.dtype, form_of(bias), probe.head_dim,
                                  queries_of(probe.pass, N), N}),
                  {},
                  by_distance(errors)};
  for (std::int64_t h = 0; h < H; ++h)
    audit.heads.push_back(
        {greatest(errors.absolute_HN[h]), greatest_number(errors.relative_HN[h]),
         errors.absolute_HN[h].argmax().item<std::int64_t>(), greatest(errors.kernel_HN[h]),
         greatest(errors.of_bound_HN[h]),
         change_of_probabilities(found.bias_HN[h], definition_HN[h] - definition_HN[h][0],
                                 found.is_known_HN[h])});
  return audit;
}

at::Tensor bias_in_float64(const ScoreBias& bias, std::int64_t num_heads, std::int64_t num_keys) {
  const at::Tensor last_H1N = bias_of_queries(bias, {num_keys - 1, 1, num_keys});
  return last_H1N.defined() ? last_H1N.select(1, 0).flip(1).to(at::kCPU)
                            : at::zeros({num_heads, num_keys}, at::kDouble);
}

void take_in_float64(PositionMethod& method, const PositionMethod& values) {
  const auto from = values.parameters();
  auto to = method.parameters();
  check(from.size() == to.size(), ErrorKind::Internal,
        "two methods of one kind must have the same parameters, got ", to.size(), " and ",
        from.size());
  for (std::size_t i = 0; i < to.size(); ++i)
    to[i].tensor.set_data(from[i].tensor.detach().to(at::kCPU, at::kDouble));
}

}  // namespace longspan
