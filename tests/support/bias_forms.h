#pragma once

#include <string>
#include <vector>

#include "longspan/kernels/attention.h"
#include "support/tensors.h"

namespace longspan::testing {

inline constexpr std::int64_t kMaxKeys = 200;

/// Returns the names of the forms of bias that attention knows, and of one by distance that leaves
/// distant keys out.
inline std::vector<std::string> form_names() {
  return {"none", "linear", "distance", "window", "dense"};
}

/// Returns a bias of a form for H heads and up to kMaxKeys keys, the same at each call.
inline ScoreBias make_bias(const std::string& form, std::int64_t H, std::int64_t T,
                           std::int64_t S) {
  if (form == "linear") return LinearBias{random_tensor({H}, 19, at::kDouble).abs()};
  if (form == "distance") return DistanceBias{random_tensor({H, kMaxKeys}, 20, at::kDouble)};
  if (form == "window") {  // whole blocks of keys are out of sight
    const auto bias_HN = random_tensor({H, kMaxKeys}, 22, at::kDouble);
    bias_HN.narrow(1, 20, kMaxKeys - 20).fill_(-1e30);
    return DistanceBias{bias_HN};
  }
  if (form == "dense") return DenseBias{random_tensor({H, T, S}, 21, at::kDouble)};
  return {};
}

}  // namespace longspan::testing
