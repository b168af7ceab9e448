#pragma once

#include "kernels/gpu/residual_norm.h"

namespace longspan::gpu {

/// What a call asks of a compiled kernel that goes through rows.
struct RowCase {
  bool is_bfloat16 = true;  ///< else float16
  bool drops = false;
};

/// Calls visit(ResidualNorm<...>{}) with the kind that takes a case.
template <class Visit>
void visit_residual_norm(const RowCase& wanted, const Visit& visit) {
  visit_element(wanted.is_bfloat16, [&](auto element) {
    if (wanted.drops)
      visit(ResidualNorm<decltype(element), true>{});
    else
      visit(ResidualNorm<decltype(element), false>{});
  });
}

}  // namespace longspan::gpu
