// All that is known of each form of bias. A new form is a struct in the header, and its branches
// here.

#include "longspan/kernels/bias_forms.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>

#include "kernels/bias_tensors.h"
#include "longspan/core/error.h"

namespace longspan {
namespace {

// Each bias by distance put where its query and key are; entries past the query are masked later.
at::Tensor spread_by_distance(const at::Tensor& bias_HN, std::int64_t T, std::int64_t S) {
  const auto options = bias_HN.options().dtype(at::kLong).requires_grad(false);
  const auto distance_TS =
      at::arange(S - T, S, options).unsqueeze(1).sub(at::arange(S, options)).clamp_min(0);
  return bias_HN.index_select(1, distance_TS.reshape({-1})).view({bias_HN.size(0), T, S});
}

}  // namespace

BiasForm form_of(const ScoreBias& bias) { return static_cast<BiasForm>(bias.index()); }

at::Tensor trainable_part(const ScoreBias& bias) {
  if (const auto* distance = std::get_if<DistanceBias>(&bias)) return distance->bias_HN;
  if (const auto* dense = std::get_if<DenseBias>(&bias)) return dense->bias_HTS;
  return {};
}

ScoreBias with_trainable_part(const ScoreBias& bias, const at::Tensor& part) {
  if (std::holds_alternative<DistanceBias>(bias)) return DistanceBias{part};
  if (std::holds_alternative<DenseBias>(bias)) return DenseBias{part};
  return bias;
}

ScoreBias BiasCopy::on(c10::Device device, const ScoreBias& bias) {
  const auto* linear = std::get_if<LinearBias>(&bias);
  const at::Tensor tensor = linear != nullptr ? linear->slopes_H : trainable_part(bias);
  if (!tensor.defined() || tensor.device() == device) return bias;
  const auto make = [&] { return tensor.to(device); };
  const auto copy = tensor.requires_grad() ? make() : copy_.get({tensor, device}, make);
  return linear != nullptr ? LinearBias{copy} : with_trainable_part(bias, copy);
}

at::Tensor bias_by_distance(const ScoreBias& bias, std::int64_t num_keys, at::ScalarType dtype) {
  if (const auto* linear = std::get_if<LinearBias>(&bias)) {
    const auto slopes_H = linear->slopes_H.to(dtype);
    return slopes_H.neg().unsqueeze(1) * at::arange(num_keys, slopes_H.options());
  }
  const auto* distance = std::get_if<DistanceBias>(&bias);
  if (distance == nullptr) return {};
  check(distance->bias_HN.size(1) >= num_keys, ErrorKind::Internal,
        "a bias by distance must cover ", num_keys, " keys, got ", distance->bias_HN.size(1));
  return distance->bias_HN.narrow(1, 0, num_keys).to(dtype);
}

at::Tensor bias_of_queries(const ScoreBias& bias, const QueryRange& range) {
  const at::NoGradGuard no_gradient;
  const std::int64_t num_keys = range.first + range.count;
  if (const auto* dense = std::get_if<DenseBias>(&bias)) {
    const at::Tensor seen_HTS = dense->bias_HTS.narrow(2, 0, num_keys);
    const std::int64_t rows = seen_HTS.size(1);
    if (rows == 1) return seen_HTS.to(at::kDouble).expand({-1, range.count, -1});
    const std::int64_t first_row = rows - range.num_positions + range.first;
    return seen_HTS.narrow(1, first_row, range.count).to(at::kDouble);
  }
  const at::Tensor bias_HN = bias_by_distance(bias, num_keys, at::kDouble);
  return bias_HN.defined() ? spread_by_distance(bias_HN, range.count, num_keys) : bias_HN;
}

at::Tensor dense_bias(const ScoreBias& bias, ScoreSizes sizes, at::ScalarType dtype) {
  const auto [T, S] = sizes;
  if (const auto* dense = std::get_if<DenseBias>(&bias)) {
    const std::int64_t rows = dense->bias_HTS.size(1);
    const auto last_HTS = rows > T ? dense->bias_HTS.narrow(1, rows - T, T) : dense->bias_HTS;
    return last_HTS.to(dtype);
  }
  const at::Tensor bias_HN = bias_by_distance(bias, S, dtype);
  return bias_HN.defined() ? spread_by_distance(bias_HN, T, S) : bias_HN;
}

}  // namespace longspan
