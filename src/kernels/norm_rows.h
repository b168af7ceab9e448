#pragma once

#include <c10/util/BFloat16.h>

#include <cstdint>

/// Loops over one row of the residual stream, float32 between reading and writing, compiled as
/// those of row_math.h.
namespace longspan::norm_rows {

/// A row's mean, 0 without centring, and 1 / sqrt(mean square of the rest + eps).
struct Moments {
  float mean, inverse;
};
struct NormKind {
  bool centred;
  float eps;
};
Moments moments(const float* x, std::int64_t count, const NormKind& kind);

/// x + mask * branch. @param mask null: ones
template <class Element>
struct Sum {
  const Element *x, *branch;
  const float* mask;
};
/// Sets out to the sum, rounded, and wide to what it was rounded to.
void add(float* out, float* wide, const Sum<float>& sum, std::int64_t count);
void add(c10::BFloat16* out, float* wide, const Sum<c10::BFloat16>& sum, std::int64_t count);

/// (x - mean) * inverse * weight + bias
struct Norm {
  const float *weight, *bias;
  Moments moments;
};
/// Sets out to the norm of x, rounded.
void normalize(float* out, const float* x, const Norm& norm, std::int64_t count);
void normalize(c10::BFloat16* out, const float* x, const Norm& norm, std::int64_t count);

/// What backward() writes. @param d_x gradient of the norm's input  @param d_weight, d_bias added
/// to
struct Gradients {
  float *d_x, *d_weight, *d_bias;
};
/// @param x the norm's input  @param scratch of count numbers
template <class Element>
struct Given {
  const Element *x, *d_normed;
  float* scratch;
};
void backward(const Gradients& d, const Given<float>& given, const Norm& norm, bool centred,
              std::int64_t count);
void backward(const Gradients& d, const Given<c10::BFloat16>& given, const Norm& norm, bool centred,
              std::int64_t count);

/// Adds d_sum to wide and sets out to it, rounded. @param d_sum null: zeros
void add_gradient(float* out, float* wide, const float* d_sum, std::int64_t count);
void add_gradient(c10::BFloat16* out, float* wide, const c10::BFloat16* d_sum, std::int64_t count);

}  // namespace longspan::norm_rows
