// The global gradient norm and what is done with it. Sums are formed block by block and the blocks
// added in their order, so that the norm, and with it every clipped step, does not depend on the
// number of threads.

#include <ATen/core/grad_mode.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "longspan/optim/norms.h"
#include "longspan/optim/optimizer.h"
#include "optim/blocks.h"
#include "optim/element_loops.h"
#include "optim/state.h"

namespace longspan {
namespace {

// Tensors that the loops can go through, and those that LibTorch's operators must.
struct Tensors {
  std::vector<at::Tensor> plain, others;

  void add(const at::Tensor& tensor) {
    if (tensor.defined()) (is_plain(tensor) ? plain : others).push_back(tensor);
  }

 private:
  static bool is_plain(const at::Tensor& tensor) {
    const bool real = tensor.scalar_type() == at::kFloat || tensor.scalar_type() == at::kDouble;
    return tensor.device().is_cpu() && real && tensor.is_contiguous();
  }
};

Tensors gradients_of(const NamedTensors& parameters) {
  Tensors all;
  for (const auto& [name, tensor] : parameters) all.add(tensor.grad());
  return all;
}

std::vector<Block> blocks_of(const std::vector<at::Tensor>& tensors) {
  std::vector<std::int64_t> sizes;
  for (const auto& tensor : tensors) sizes.push_back(tensor.numel());
  return cut_blocks(sizes);
}

double block_sum_of_squares(const at::Tensor& tensor, const Block& block) {
  const std::int64_t count = block.end - block.begin;
  if (tensor.scalar_type() == at::kFloat) {
    return element_loops::sum_of_squares(tensor.const_data_ptr<float>() + block.begin, count);
  }
  return element_loops::sum_of_squares(tensor.const_data_ptr<double>() + block.begin, count);
}

void scale_block(const at::Tensor& tensor, const Block& block, double factor) {
  const std::int64_t count = block.end - block.begin;
  if (tensor.scalar_type() == at::kFloat) {
    element_loops::scale(tensor.mutable_data_ptr<float>() + block.begin, count,
                         static_cast<float>(factor));
  } else {
    element_loops::scale(tensor.mutable_data_ptr<double>() + block.begin, count, factor);
  }
}

double norm_of(const Tensors& tensors) {
  const at::NoGradGuard no_gradient;
  const std::vector<Block> blocks = blocks_of(tensors.plain);
  std::vector<double> sums(blocks.size());
  for_each_block(blocks, [&](std::size_t number, const Block& block) {
    sums[number] = block_sum_of_squares(tensors.plain[block.tensor], block);
  });
  double total = 0.0;
  for (const double sum : sums) total += sum;
  // A GPU is asked once for all of them.
  if (!tensors.others.empty())
    total +=
        at::stack(at::_foreach_norm(tensors.others, 2, at::kDouble)).square().sum().item<double>();
  return std::sqrt(total);
}

}  // namespace

bool multiply_gradients(const NamedTensors& parameters, const at::Tensor& factor) {
  const double value = factor.defined() ? factor.item<double>() : 1.0;
  if (!std::isnan(value)) scale_gradients(parameters, value);
  return !std::isnan(value);
}

double gradient_norm(const NamedTensors& parameters, double scale) {
  return norm_of(gradients_of(parameters)) * std::abs(scale);
}

double norm_of(const std::vector<at::Tensor>& tensors) {
  Tensors all;
  for (const auto& tensor : tensors) all.add(tensor);
  return norm_of(all);
}

void scale_gradients(const NamedTensors& parameters, double factor) {
  if (factor == 1.0) return;
  const at::NoGradGuard no_gradient;
  const Tensors gradients = gradients_of(parameters);
  for_each_block(blocks_of(gradients.plain), [&](std::size_t, const Block& block) {
    scale_block(gradients.plain[block.tensor], block, factor);
  });
  if (!gradients.others.empty()) at::_foreach_mul_(gradients.others, factor);
}

double clip_factor(double norm, double clip_norm, double eps) {
  return clip_norm == 0.0 ? 1.0 : std::min(1.0, clip_norm / (norm + eps));
}

at::Tensor gradient_numbers(const NamedTensors& parameters, const ClipRule& rule,
                            const at::Tensor& loss_sum) {
  if (updates_in_one_launch(parameters)) {
    std::vector<at::Tensor> gradients;
    for (const auto& [name, tensor] : parameters)
      if (tensor.grad().defined()) gradients.push_back(tensor.grad().contiguous());
    return gradient_numbers(gradients, rule, loss_sum);
  }
  return gradient_numbers(loss_sum, gradient_norm(parameters, rule.scale), rule);
}

at::Tensor gradient_numbers(const at::Tensor& loss_sum, double norm, const ClipRule& rule) {
  const double loss = loss_sum.item<double>();
  const double factor = std::isfinite(loss) && std::isfinite(norm)
                            ? rule.scale * clip_factor(norm, rule.clip_norm, rule.eps)
                            : std::numeric_limits<double>::quiet_NaN();
  return at::tensor({loss, norm, factor}, at::kDouble).to(loss_sum.device());
}

}  // namespace longspan
