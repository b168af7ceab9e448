// The global gradient norm and what is done with it. Sums are formed block by block and the blocks
// added in their order, so that the norm, and with it every clipped step, does not depend on the
// number of threads.

#include <ATen/core/grad_mode.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/stack.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "longspan/optim/optimizer.h"
#include "optim/blocks.h"
#include "optim/element_loops.h"

namespace longspan {
namespace {

// Gradients that the loops can go through, and those that LibTorch's operators must.
struct Gradients {
  std::vector<at::Tensor> plain, others;
};

bool is_plain(const at::Tensor& gradient) {
  const bool real = gradient.scalar_type() == at::kFloat || gradient.scalar_type() == at::kDouble;
  return gradient.device().is_cpu() && real && gradient.is_contiguous();
}

Gradients gradients_of(const NamedTensors& parameters) {
  Gradients all;
  for (const auto& [name, tensor] : parameters) {
    const at::Tensor& gradient = tensor.grad();
    if (gradient.defined()) (is_plain(gradient) ? all.plain : all.others).push_back(gradient);
  }
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

}  // namespace

double gradient_norm(const NamedTensors& parameters, double scale) {
  const at::NoGradGuard no_gradient;
  const Gradients gradients = gradients_of(parameters);
  const std::vector<Block> blocks = blocks_of(gradients.plain);
  std::vector<double> sums(blocks.size());
  for_each_block(blocks, [&](std::size_t number, const Block& block) {
    sums[number] = block_sum_of_squares(gradients.plain[block.tensor], block);
  });
  double total = 0.0;
  for (const double sum : sums) total += sum;
  // A GPU is asked once for all of them.
  if (!gradients.others.empty())
    total += at::stack(at::_foreach_norm(gradients.others, 2, at::kDouble))
                 .square()
                 .sum()
                 .item<double>();
  return std::sqrt(total) * std::abs(scale);
}

void scale_gradients(const NamedTensors& parameters, double factor) {
  if (factor == 1.0) return;
  const at::NoGradGuard no_gradient;
  const Gradients gradients = gradients_of(parameters);
  for_each_block(blocks_of(gradients.plain), [&](std::size_t, const Block& block) {
    scale_block(gradients.plain[block.tensor], block, factor);
  });
  if (!gradients.others.empty()) at::_foreach_mul_(gradients.others, factor);
}

double clip_factor(double norm, double clip_norm, double eps) {
  return clip_norm == 0.0 ? 1.0 : std::min(1.0, clip_norm / (norm + eps));
}

}  // namespace longspan
