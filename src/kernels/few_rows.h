#pragma once

#include <span>
#include <vector>

#include "longspan/kernels/products.h"

namespace longspan {

/// Whether few_rows_product() takes these: a row or a few on a CPU, as in decoding, whose product
/// takes as long as the weight takes to come from memory.
bool takes_few_rows(const at::Tensor& x_NI, const at::Tensor& weight_OI);

/// Returns x W^T + b of each layer, without gradients, their sums in float32 and not depending on
/// the number of threads. @param layers each taken by takes_few_rows()
std::vector<at::Tensor> few_rows_products(const at::Tensor& x_NI,
                                          std::span<const WeightAndBias> layers);

}  // namespace longspan
