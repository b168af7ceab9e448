#include "kernels/norm_rows.h"

#include <cmath>

#include "kernels/row_elements.h"

namespace longspan::norm_rows {
namespace {

template <class Element>
[[gnu::always_inline]] inline void add_of(Element* out, float* wide, const Sum<Element>& sum,
                                          std::int64_t count) {
  const Element *const x = sum.x, *const branch = sum.branch;
  const float* const mask = sum.mask;
  if (mask == nullptr) {
#pragma omp simd
    for (std::int64_t i = 0; i < count; ++i) {
      put(out[i], widened(x[i]) + widened(branch[i]));
      wide[i] = widened(out[i]);
    }
    return;
  }
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) {
    put(out[i], widened(x[i]) + mask[i] * widened(branch[i]));
    wide[i] = widened(out[i]);
  }
}

template <class Element>
[[gnu::always_inline]] inline void normalize_of(Element* out, const float* x, const Norm& norm,
                                                std::int64_t count) {
  const float *const weight = norm.weight, *const bias = norm.bias, mean = norm.moments.mean,
                     inverse = norm.moments.inverse;
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i)
    put(out[i], (x[i] - mean) * inverse * weight[i] + bias[i]);
}

// With n the normalised row and g its gradient, that of the row is
// inverse * (g - mean(g) - n * mean(g * n)), the middle term for centred norms alone.
template <class Element>
[[gnu::always_inline]] inline void backward_of(const Gradients& d, const Given<Element>& given,
                                               const Norm& norm, bool centred, std::int64_t count) {
  const Element *const x = given.x, *const d_normed = given.d_normed;
  const float *const weight = norm.weight, mean = norm.moments.mean, inverse = norm.moments.inverse;
  float *const d_x = d.d_x, *const d_weight = d.d_weight, *const d_bias = d.d_bias,
               *const scratch = given.scratch;
  float sum = 0, products = 0;
#pragma omp simd reduction(+ : sum, products)
  for (std::int64_t i = 0; i < count; ++i) {
    const float normed = (widened(x[i]) - mean) * inverse, of_result = widened(d_normed[i]);
    d_weight[i] += of_result * normed;
    d_bias[i] += of_result;
    const float of_normed = of_result * weight[i];
    scratch[i] = normed;
    d_x[i] = of_normed;
    sum += of_normed;
    products += of_normed * normed;
  }
  const auto size = static_cast<float>(count);
  const float shift = centred ? sum / size : 0.0F, slope = products / size;
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) d_x[i] = inverse * (d_x[i] - shift - scratch[i] * slope);
}

template <class Element>
[[gnu::always_inline]] inline void add_gradient_of(Element* out, float* wide, const Element* d_sum,
                                                   std::int64_t count) {
  if (d_sum == nullptr) {
#pragma omp simd
    for (std::int64_t i = 0; i < count; ++i) put(out[i], wide[i]);
    return;
  }
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) {
    wide[i] += widened(d_sum[i]);
    put(out[i], wide[i]);
  }
}

}  // namespace

LONGSPAN_CLONES Moments moments(const float* x, std::int64_t count, const NormKind& kind) {
  const auto size = static_cast<float>(count);
  float sum = 0, squares = 0;
  if (kind.centred) {
#pragma omp simd reduction(+ : sum)
    for (std::int64_t i = 0; i < count; ++i) sum += x[i];
  }
  const float mean = sum / size;
#pragma omp simd reduction(+ : squares)
  for (std::int64_t i = 0; i < count; ++i) squares += (x[i] - mean) * (x[i] - mean);
  return {mean, 1.0F / std::sqrt(squares / size + kind.eps)};
}

LONGSPAN_CLONES void add(float* out, float* wide, const Sum<float>& sum, std::int64_t count) {
  add_of(out, wide, sum, count);
}

LONGSPAN_CLONES void add(c10::BFloat16* out, float* wide, const Sum<c10::BFloat16>& sum,
                         std::int64_t count) {
  add_of(out, wide, sum, count);
}

LONGSPAN_CLONES void normalize(float* out, const float* x, const Norm& norm, std::int64_t count) {
  normalize_of(out, x, norm, count);
}

LONGSPAN_CLONES void normalize(c10::BFloat16* out, const float* x, const Norm& norm,
                               std::int64_t count) {
  normalize_of(out, x, norm, count);
}

LONGSPAN_CLONES void backward(const Gradients& d, const Given<float>& given, const Norm& norm,
                              bool centred, std::int64_t count) {
  backward_of(d, given, norm, centred, count);
}

LONGSPAN_CLONES void backward(const Gradients& d, const Given<c10::BFloat16>& given,
                              const Norm& norm, bool centred, std::int64_t count) {
  backward_of(d, given, norm, centred, count);
}

LONGSPAN_CLONES void add_gradient(float* out, float* wide, const float* d_sum, std::int64_t count) {
  add_gradient_of(out, wide, d_sum, count);
}

LONGSPAN_CLONES void add_gradient(c10::BFloat16* out, float* wide, const c10::BFloat16* d_sum,
                                  std::int64_t count) {
  add_gradient_of(out, wide, d_sum, count);
}

}  // namespace longspan::norm_rows
