#pragma once

#include <c10/util/BFloat16.h>

#include <cstdint>

#include "longspan/kernels/activation_kind.h"

/// Loops over one row of a feed-forward layer's activation, float32 between reading and writing,
/// compiled as those of row_math.h.
namespace longspan::curve_rows {

/// curve(x) * mask, or with a gate curve(gate) * x * mask. @param mask null: ones
template <class Element>
struct Input {
  const Element *x, *gate;
  const float* mask;
};
void activate(Activation activation, float* out, const Input<float>& in, std::int64_t count);
void activate(Activation activation, c10::BFloat16* out, const Input<c10::BFloat16>& in,
              std::int64_t count);

/// @param gate null without one
template <class Element>
struct Gradients {
  Element *x, *gate;
};
/// @param in of Relu the row that activate() gave in the place of x
void backward(Activation activation, const Gradients<float>& d, const Input<float>& in,
              const float* d_out, std::int64_t count);
void backward(Activation activation, const Gradients<c10::BFloat16>& d,
              const Input<c10::BFloat16>& in, const c10::BFloat16* d_out, std::int64_t count);

}  // namespace longspan::curve_rows
