#pragma once

#include "kernels/gpu/element.h"

namespace longspan::cuda {

/// One thread of a kernel on a GPU, as kernels see it (src/kernels/gpu/README.md).
class Thread {
 public:
  __device__ __forceinline__ int index() const { return static_cast<int>(threadIdx.x); }
  __device__ __forceinline__ int block_x() const { return static_cast<int>(blockIdx.x); }
  __device__ __forceinline__ int block_y() const { return static_cast<int>(blockIdx.y); }
  __device__ __forceinline__ int block_z() const { return static_cast<int>(blockIdx.z); }

  __device__ __forceinline__ void synchronize() { __syncthreads(); }
  __device__ __forceinline__ void synchronize_warp() { __syncwarp(); }

  template <class Value>
  __device__ __forceinline__ Value load_shared(int offset) {
    return *reinterpret_cast<const Value*>(shared() + offset);
  }
  template <class Value>
  __device__ __forceinline__ void store_shared(int offset, const Value& value) {
    *reinterpret_cast<Value*>(shared() + offset) = value;
  }
  template <class Value>
  __device__ __forceinline__ Value load(const Value* from) {
    return *from;
  }
  template <class Value>
  __device__ __forceinline__ void store(Value* to, const Value& value) {
    *to = value;
  }

  __device__ __forceinline__ void copy_async(int offset, const void* source, bool in_bounds) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(offset)),
                 "l"(source), "r"(in_bounds ? 16 : 0)
                 : "memory");
  }
  __device__ __forceinline__ void commit_copies() {
    asm volatile("cp.async.commit_group;" ::: "memory");
  }
  template <int kGroupsLeft>
  __device__ __forceinline__ void wait_copies() {
    asm volatile("cp.async.wait_group %0;" ::"n"(kGroupsLeft) : "memory");
  }

  __device__ __forceinline__ float shuffle_xor(float value, int lane_mask) {
    return __shfl_xor_sync(kWholeWarp, value, lane_mask);
  }
  __device__ __forceinline__ std::uint32_t ballot(bool condition) {
    return __ballot_sync(kWholeWarp, condition);
  }

  template <class Element>
  __device__ __forceinline__ void multiply(float (&sums)[4], const std::uint32_t (&a)[4],
                                           std::uint32_t b0, std::uint32_t b1) {
    if constexpr (is_bfloat16<Element>)
      asm volatile(
          "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, "
          "{%8,%9}, {%0,%1,%2,%3};"
          : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
          : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
    else
      asm volatile(
          "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, "
          "{%8,%9}, {%0,%1,%2,%3};"
          : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
          : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
  }

  template <bool kTransposed>
  __device__ __forceinline__ void load_matrices(std::uint32_t (&out)[4], int offset) {
    if constexpr (kTransposed)
      asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
                   : "=r"(out[0]), "=r"(out[1]), "=r"(out[2]), "=r"(out[3])
                   : "r"(shared_address(offset))
                   : "memory");
    else
      asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                   : "=r"(out[0]), "=r"(out[1]), "=r"(out[2]), "=r"(out[3])
                   : "r"(shared_address(offset))
                   : "memory");
  }

  template <class Element>
  __device__ __forceinline__ std::uint32_t pack(float low, float high) {
    std::uint32_t pair;
    if constexpr (is_bfloat16<Element>)
      asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
    else
      asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
    return pair;
  }
  template <class Element>
  __device__ __forceinline__ float unpack(std::uint32_t pair, int part) {
    const std::uint32_t bits = part == 0 ? pair & 0xffffu : pair >> 16;
    if constexpr (is_bfloat16<Element>) return __uint_as_float(bits << 16);
    float value;
    asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"(static_cast<std::uint16_t>(bits)));
    return value;
  }
  __device__ __forceinline__ float exp2(float x) {
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
  }
  __device__ __forceinline__ float product(float a, float b) { return __fmul_rn(a, b); }
  __device__ __forceinline__ double product(double a, double b) { return __dmul_rn(a, b); }
  __device__ __forceinline__ float multiply_add(float a, float b, float c) {
    return __fmaf_rn(a, b, c);
  }
  __device__ __forceinline__ float square_root(float x) { return __fsqrt_rn(x); }
  __device__ __forceinline__ double square_root(double x) { return __dsqrt_rn(x); }
  __device__ __forceinline__ float inverse_root(float x) { return rsqrtf(x); }
  __device__ __forceinline__ float log2(float x) {
    float y;
    asm("lg2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
  }
  __device__ __forceinline__ float reciprocal(float x) {
    float y;
    asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
  }

 private:
  static constexpr unsigned kWholeWarp = 0xffffffffu;
  template <class Element>
  static constexpr bool is_bfloat16 = false;

  __device__ __forceinline__ static char* shared() {
    extern __shared__ __align__(128) char bytes[];
    return bytes;
  }
  __device__ __forceinline__ static std::uint32_t shared_address(int offset) {
    return static_cast<std::uint32_t>(__cvta_generic_to_shared(shared())) +
           static_cast<std::uint32_t>(offset);
  }
};

template <>
inline constexpr bool Thread::is_bfloat16<gpu::BFloat16> = true;

}  // namespace longspan::cuda
