// The largest of several numbers is exact in whatever order they come.

#include "train/activation_maxima.h"

#include <ATen/ops/maximum.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

namespace longspan {

void raise_to(std::vector<at::Tensor>& numbers, const std::vector<at::Tensor>& others) {
  if (numbers.empty()) {
    numbers = others;
    return;
  }
  for (std::size_t i = 0; i < others.size(); ++i) numbers[i] = at::maximum(numbers[i], others[i]);
}

std::vector<double> largest_of_ranks(const std::vector<at::Tensor>& maxima_L,
                                     std::int64_t num_layers, Communicator& communicator) {
  const at::Tensor own_L = maxima_L.empty() ? at::zeros({num_layers}, at::kDouble)
                                            : at::stack(maxima_L).to(at::kCPU, at::kDouble);
  std::vector<double> result(static_cast<std::size_t>(num_layers), 0.0);
  for (const at::Tensor& rank_L : communicator.all_gather(own_L))
    for (std::size_t i = 0; i < result.size(); ++i)
      result[i] = std::max(result[i], rank_L[static_cast<std::int64_t>(i)].item<double>());
  return result;
}

}  // namespace longspan
