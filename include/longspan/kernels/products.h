#pragma once

#include <ATen/core/Tensor.h>

#include <span>
#include <vector>

/// Products of matrices, of the library that is faster for them here: LibTorch's operators, or for
/// float32 on a CPU oneDNN, which they do not take, or for a few rows a loop of our own. The choice
/// depends on the processor's maker and the shape, so it is the same in every process of a machine
/// and after every restart.
namespace longspan {

/// Returns a b, without gradients. @param a [M, K]  @param b [K, N], of a's dtype
at::Tensor product(const at::Tensor& a, const at::Tensor& b);
/// Writes a b to out [M, N], without gradients.
void product_out(at::Tensor& out, const at::Tensor& a, const at::Tensor& b);
/// Adds a b to sum [M, N], without gradients.
void add_product(at::Tensor& sum, const at::Tensor& a, const at::Tensor& b);

/// Returns x W^T + b, without gradients. @param x_NI [N, I]  @param weight_OI of x's dtype
/// @param bias_O may be undefined
at::Tensor linear_product(const at::Tensor& x_NI, const at::Tensor& weight_OI,
                          const at::Tensor& bias_O);

/// A linear layer's matrix and its bias, which may be undefined.
struct WeightAndBias {
  at::Tensor weight_OI, bias_O;
};

/// Returns x W^T + b, differentiable once. @param x [..., I]  @param weight_OI of x's dtype
/// @param bias_O may be undefined
at::Tensor linear_layer(const at::Tensor& x, const at::Tensor& weight_OI, const at::Tensor& bias_O);
/// Returns what linear_layer() does of each layer, of a few rows in one loop.
std::vector<at::Tensor> linear_layers(const at::Tensor& x, std::span<const WeightAndBias> layers);
/// Returns x W, differentiable once. @param x_NO [N, O]
at::Tensor linear_layer_back(const at::Tensor& x_NO, const at::Tensor& weight_OI);

}  // namespace longspan
