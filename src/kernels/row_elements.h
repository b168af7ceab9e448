#pragma once

#include <c10/util/BFloat16.h>

#include <bit>
#include <cstdint>

/// What the files of row loops share.

/// Before a function: it is compiled for AVX-512 and AVX2 too, and chosen when the program starts.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)
#define LONGSPAN_CLONES \
  __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define LONGSPAN_CLONES
#endif

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

}  // namespace longspan
