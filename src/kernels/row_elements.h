#pragma once

#include <c10/util/BFloat16.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

#include "longspan/core/loop_clones.h"

/// What the files of row loops share.
namespace longspan {

[[gnu::always_inline]] inline float widened(c10::BFloat16 x) {
  return std::bit_cast<float>(std::uint32_t{x.x} << 16);
}
[[gnu::always_inline]] inline float widened(float x) { return x; }

/// Returns the bits of the nearest bfloat16, ties to even; branch-free so that it vectorises.
[[gnu::always_inline]] inline std::uint16_t bfloat16_bits(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const std::uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  return static_cast<std::uint16_t>(x == x ? rounded : 0x7fc0u);
}

[[gnu::always_inline]] inline void put(c10::BFloat16& out, float x) { out.x = bfloat16_bits(x); }
[[gnu::always_inline]] inline void put(float& out, float x) { out = x; }

/// exp to about 1 ulp for arguments <= 0 and beyond; branch-free so that it vectorises. Splits x =
/// n ln 2 + r and uses the Taylor-like minimax polynomial of degree 6 on |r| <= ln 2 / 2 (Cephes,
/// Moshier). Below -87.3 it gives 0.
[[gnu::always_inline]] inline float fast_exp(float x) {
  const float clamped = std::max(x, -87.3f);
  const float n = std::floor(clamped * 1.44269504f + 0.5f);
  float r = clamped - n * 0.693359375f;
  r = r + n * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  const auto exponent = static_cast<std::uint32_t>(static_cast<std::int32_t>(n) + 127) << 23;
  const float result = p * std::bit_cast<float>(exponent);
  return x < -87.3f ? 0.0f : result;
}

}  // namespace longspan
