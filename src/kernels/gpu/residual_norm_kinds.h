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
  if (wanted.is_bfloat16 && wanted.drops)
    visit(ResidualNorm<BFloat16, true>{});
  else if (wanted.is_bfloat16)
    visit(ResidualNorm<BFloat16, false>{});
  else if (wanted.drops)
    visit(ResidualNorm<Float16, true>{});
  else
    visit(ResidualNorm<Float16, false>{});
}

}  // namespace longspan::gpu
