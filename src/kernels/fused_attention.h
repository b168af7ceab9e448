#pragma once

#include "longspan/kernels/attention.h"

namespace longspan {

/// attention() on the CPU for a bias that is none or a function of the distance: one pass a query
/// block that stays in cache, keeps only the log-sum-exp of each row for backward, and never
/// touches a key past the block's last query.
at::Tensor fused_attention(const at::Tensor& q_BTHK, const at::Tensor& k_BSGK,
                           const at::Tensor& v_BSGK, const AttentionOptions& options);

}  // namespace longspan
