#pragma once

#include <ATen/core/Tensor.h>

namespace longspan {

/// Which elements of a head are turned together: neighbours (2j, 2j+1), or (j, j+F) of two halves.
enum class RotaryPairing { Interleaved, HalfSplit };

/// Cosines and sines of the angles by which pair j at position t is turned.
struct RotaryAngles {
  at::Tensor cos_TF, sin_TF;  ///< float32, or float64 for float64 elements; contiguous
};

/// How the pairs of a pass's queries and keys are turned.
struct Rotation {
  RotaryAngles query, key;
  RotaryPairing pairing = RotaryPairing::Interleaved;
};

/// Turns pair j of each head at position t by its angle: (a, b) -> (a cos - b sin, b cos + a sin)
/// (RoFormer, arXiv:2104.09864, equation 34). Elements past the F pairs stay as they are.
/// Differentiable in x.
/// @param x_BTHK float  @return as x  @throws Error(Internal) when 2F > K or the sizes do not fit
at::Tensor rotate_pairs(const at::Tensor& x_BTHK, const RotaryAngles& angles,
                        RotaryPairing pairing);

}  // namespace longspan
