#pragma once

#include "kernels/gpu/mask_row.h"

namespace longspan::gpu {

struct DropoutProblem {
  bool is_bfloat16;  ///< else float16
  ChunkedRows shape;
  const std::uint16_t* x_ND;
  std::uint16_t* out_ND;
  RowMasks masks;
};

/// Multiplies rows by their dropout's multipliers, and gradients likewise.
template <class Element>
struct DropoutRows {
  template <class Thread>
  LONGSPAN_DEVICE static void run(Thread& thread, const DropoutProblem& p) {
    const Place place(thread, p.shape);
    Numbers numbers{};
    // The elements are on their way while the mask is drawn.
    if (place.has_elements) numbers = load_numbers<Element>(thread, p.x_ND + place.offset);
    const Numbers multipliers = p.masks.multipliers(thread, place);
    if (!place.has_elements) return;
    LONGSPAN_UNROLL
    for (int i = 0; i < kNeighbours; ++i) numbers.x[i] *= multipliers.x[i];
    store_numbers<Element>(thread, p.out_ND + place.offset, numbers);
  }
};

}  // namespace longspan::gpu
