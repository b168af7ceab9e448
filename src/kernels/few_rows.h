#pragma once

#include <ATen/core/Tensor.h>

namespace longspan {

/// Whether few_rows_product() takes these: a row or a few on a CPU, as in decoding, whose product
/// takes as long as the weight takes to come from memory.
bool takes_few_rows(const at::Tensor& x_NI, const at::Tensor& weight_OI);

/// Returns x W^T + b, without gradients, its sums in float32 and not depending on the number of
/// threads. @param bias_O may be undefined
at::Tensor few_rows_product(const at::Tensor& x_NI, const at::Tensor& weight_OI,
                            const at::Tensor& bias_O);

}  // namespace longspan
