#pragma once

#include <cstdint>

#ifdef __CUDACC__
#define LONGSPAN_DEVICE __device__ __forceinline__
#define LONGSPAN_UNROLL _Pragma("unroll")
#define LONGSPAN_NO_UNROLL _Pragma("unroll 1")
#else
#define LONGSPAN_DEVICE inline
#define LONGSPAN_UNROLL
#define LONGSPAN_NO_UNROLL
#endif

/// Kernels written once for GPUs and for the emulator of the tests; see README.md.
namespace longspan::gpu {

/// Names of the element types of tensor cores; elements lie in memory as std::uint16_t.
struct BFloat16 {};
struct Float16 {};

/// 16 bytes, the widest that a thread moves at once.
struct alignas(16) Wide {
  std::uint32_t x[4];
};
struct alignas(8) HalfWide {
  std::uint32_t x[2];
};
struct alignas(16) FloatQuad {
  float x[4];
};
struct alignas(8) FloatPair {
  float x[2];
};

}  // namespace longspan::gpu
