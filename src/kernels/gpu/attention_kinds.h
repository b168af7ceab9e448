#pragma once

#include "kernels/gpu/attention_backward_keys.h"
#include "kernels/gpu/attention_backward_queries.h"
#include "kernels/gpu/attention_forward.h"

namespace longspan::gpu {

/// What a call of attention asks of a compiled kernel.
struct AttentionCase {
  bool is_bfloat16 = true;  ///< else float16
  int head_dim = 0;         ///< a multiple of 8, up to kMostHeadDim
  BiasKind bias = BiasKind::Linear;
  bool drops = false;
};

inline constexpr int kMostHeadDim = 256;

template <class Element, int kHeadDim, BiasKind kBias, class Visit>
void visit_dropout(const AttentionCase& wanted, const Visit& visit) {
  if (wanted.drops)
    visit(AttentionKind<Element, kHeadDim, kBias, true>{});
  else
    visit(AttentionKind<Element, kHeadDim, kBias, false>{});
}

template <class Element, int kHeadDim, class Visit>
void visit_bias(const AttentionCase& wanted, const Visit& visit) {
  if (wanted.bias == BiasKind::Linear)
    visit_dropout<Element, kHeadDim, BiasKind::Linear>(wanted, visit);
  else if (wanted.bias == BiasKind::Distance)
    visit_dropout<Element, kHeadDim, BiasKind::Distance>(wanted, visit);
  else
    visit_dropout<Element, kHeadDim, BiasKind::Bounded>(wanted, visit);
}

template <class Element, class Visit>
void visit_head_dim(const AttentionCase& wanted, const Visit& visit) {
  if (wanted.head_dim <= 32)
    visit_bias<Element, 32>(wanted, visit);
  else if (wanted.head_dim <= 64)
    visit_bias<Element, 64>(wanted, visit);
  else if (wanted.head_dim <= 128)
    visit_bias<Element, 128>(wanted, visit);
  else
    visit_bias<Element, kMostHeadDim>(wanted, visit);
}

/// Calls visit(AttentionKind<...>{}) with the kind that takes a case.
template <class Visit>
void visit_attention_kind(const AttentionCase& wanted, const Visit& visit) {
  if (wanted.is_bfloat16)
    visit_head_dim<BFloat16>(wanted, visit);
  else
    visit_head_dim<Float16>(wanted, visit);
}

}  // namespace longspan::gpu
