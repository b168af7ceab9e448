#pragma once

#include <cstdint>

extern "C" {
void sgemm_(const char* transpose_a, const char* transpose_b, const int* m, const int* n,
            const int* k, const float* alpha, const float* a, const int* lda, const float* b,
            const int* ldb, const float* beta, float* c, const int* ldc);
void dgemm_(const char* transpose_a, const char* transpose_b, const int* m, const int* n,
            const int* k, const double* alpha, const double* a, const int* lda, const double* b,
            const int* ldb, const double* beta, double* c, const int* ldc);
}

namespace longspan::blas {

/// A row-major matrix in memory; `stride` elements from row to row.
template <class Scalar>
struct Matrix {
  Scalar* data;
  std::int64_t stride;
};

enum class Transpose { No, Yes };

inline void call(const char* ta, const char* tb, int m, int n, int k, float alpha, const float* a,
                 int lda, const float* b, int ldb, float beta, float* c, int ldc) {
  sgemm_(ta, tb, &m, &n, &k, &alpha, a, &lda, b, &ldb, &beta, c, &ldc);
}
inline void call(const char* ta, const char* tb, int m, int n, int k, double alpha, const double* a,
                 int lda, const double* b, int ldb, double beta, double* c, int ldc) {
  dgemm_(ta, tb, &m, &n, &k, &alpha, a, &lda, b, &ldb, &beta, c, &ldc);
}

/// The sizes of out [rows, columns] = sum over `inner`.
struct Sizes {
  std::int64_t rows, columns, inner;
};

/// Computes out = alpha * op(a) op(b) + beta * out on the calling thread (inside a parallel region)
/// for row-major matrices: BLAS is column-major, so the factors change places.
template <class Scalar>
void multiply(Sizes sizes, Scalar alpha, Matrix<const Scalar> a, Transpose transpose_a,
              Matrix<const Scalar> b, Transpose transpose_b, Scalar beta, Matrix<Scalar> out) {
  call(transpose_b == Transpose::Yes ? "T" : "N", transpose_a == Transpose::Yes ? "T" : "N",
       static_cast<int>(sizes.columns), static_cast<int>(sizes.rows), static_cast<int>(sizes.inner),
       alpha, b.data, static_cast<int>(b.stride), a.data, static_cast<int>(a.stride), beta,
       out.data, static_cast<int>(out.stride));
}

}  // namespace longspan::blas
