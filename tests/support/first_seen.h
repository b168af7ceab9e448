#pragma once

#include <ATen/ops/empty.h>

#include <algorithm>
#include <cstdint>

namespace longspan::testing {

/// Returns what the last T of S positions see first where documents lie side by side: of the first
/// sequence each `length` keys are a document, of the next ones 7 more.
inline at::Tensor first_seen(std::int64_t B, std::int64_t T, std::int64_t S, std::int64_t length) {
  at::Tensor result = at::empty({B, T}, at::kInt);
  auto* const first = result.mutable_data_ptr<std::int32_t>();
  for (std::int64_t b = 0; b < B; ++b)
    for (std::int64_t t = 0; t < T; ++t) {
      const std::int64_t position = S - T + t, of_document = length + 7 * b;
      first[b * T + t] = static_cast<std::int32_t>(position / of_document * of_document);
    }
  return result;
}

}  // namespace longspan::testing
