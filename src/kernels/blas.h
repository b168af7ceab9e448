#pragma once

#include <cstdint>
#include <type_traits>

extern "C" {
void sgemm_(const char* transpose_a, const char* transpose_b, const int* m, const int* n,
            const int* k, const float* alpha, const float* a, const int* lda, const float* b,
            const int* ldb, const float* beta, float* c, const int* ldc);
void dgemm_(const char* transpose_a, const char* transpose_b, const int* m, const int* n,
            const int* k, const double* alpha, const double* a, const int* lda, const double* b,
            const int* ldb, const double* beta, double* c, const int* ldc);
}

namespace longspan::blas {

enum class Transpose { No, Yes };

/// A row-major factor in memory, `stride` elements from row to row.
template <class Scalar>
struct Factor {
  const Scalar* data;
  std::int64_t stride;
  Transpose transpose = Transpose::No;
};

/// Where a product goes: data = scale * product + keep * data, row-major.
template <class Scalar>
struct Target {
  Scalar* data;
  std::int64_t stride;
  Scalar scale = 1;
  Scalar keep = 0;
};

/// The sizes of out [rows, columns] = sum over `inner`.
struct Sizes {
  std::int64_t rows, columns, inner;
};

/// Multiplies two matrices on the calling thread (inside a parallel region). BLAS is column-major,
/// so the factors change places.
template <class Scalar>
void multiply(const Sizes& sizes, const Factor<Scalar>& a, const Factor<Scalar>& b,
              const Target<Scalar>& out) {
  const auto letter = [](Transpose transpose) { return transpose == Transpose::Yes ? "T" : "N"; };
  const int m = static_cast<int>(sizes.columns), n = static_cast<int>(sizes.rows),
            k = static_cast<int>(sizes.inner), a_stride = static_cast<int>(a.stride),
            b_stride = static_cast<int>(b.stride), out_stride = static_cast<int>(out.stride);
  const auto run = [&](auto* gemm) {
    gemm(letter(b.transpose), letter(a.transpose), &m, &n, &k, &out.scale, b.data, &b_stride,
         a.data, &a_stride, &out.keep, out.data, &out_stride);
  };
  if constexpr (std::is_same_v<Scalar, double>)
    run(dgemm_);
  else
    run(sgemm_);
}

}  // namespace longspan::blas
