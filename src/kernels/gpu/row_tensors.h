#pragma once

#include <ATen/core/Tensor.h>

#include "kernels/dropout_rule.h"
#include "kernels/gpu/mask_row.h"
#include "kernels/kernel_tables.h"

/// What kernels on rows are told of tensors.
namespace longspan::gpu {

/// Returns true where rows of the case's width can be moved by 16 bytes.
bool fits_rows(const KernelCase& wanted);
/// Returns true where that is so and its device has kernels.
bool takes_rows(const KernelCase& wanted);

/// Returns true where the first element is at a multiple of 16 bytes.
bool is_aligned(const at::Tensor& x);

/// Returns the tensor, contiguous and at a multiple of 16 bytes: itself or a copy.
at::Tensor with_aligned_elements(const at::Tensor& x);

/// Returns rows [N, width] that begin at multiples of 16 bytes, as those of a matrix that x has
/// some columns of do: a view or a copy. @param x [..., width], width a multiple of 8
at::Tensor with_aligned_rows(const at::Tensor& x);

/// Returns heads [B, T, heads, K] side by side in rows that begin at multiples of 16 bytes, as
/// those of a matrix that q, k and v are parts of do: itself or a copy. @param x K a multiple of 8
at::Tensor with_aligned_heads(const at::Tensor& x);

/// @param x [..., width], width > 0
/// @throws Error(Internal) when there are more rows than threads can be numbered for
ChunkedRows shape_of_rows(const at::Tensor& x);

std::uint16_t* elements(const at::Tensor& tensor);

MaskRule mask_rule(const DropoutRule& rule);

/// @param row_ids_N contiguous
RowMasks row_masks(const at::Tensor& row_ids_N, const DropoutRule& rule);

}  // namespace longspan::gpu
