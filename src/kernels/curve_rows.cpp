#include "kernels/curve_rows.h"

#include "kernels/row_elements.h"

namespace longspan::curve_rows {
namespace {

struct ValueAndSlope {
  float value, slope;
};

// Each curve at x; the compiler drops what a loop does not ask for.
template <Activation kActivation>
struct Curve;

// Comparisons as they are let NaN through.
template <>
struct Curve<Activation::Relu> {
  [[gnu::always_inline]] static ValueAndSlope at(float x) {
    return {x < 0.0F ? 0.0F : x, x <= 0.0F ? 0.0F : 1.0F};
  }
};

// x Phi(x), Phi the normal distribution. Its tail is e^(-x^2/2) times a polynomial of
// 1 / (1 + c |x|), to 8e-8 (Abramowitz and Stegun, 7.1.26).
template <>
struct Curve<Activation::Gelu> {
  [[gnu::always_inline]] static ValueAndSlope at(float x) {
    constexpr float kRootHalf = 0.70710678118654752F, kDensityAtZero = 0.39894228040143268F;
    const float bell = fast_exp(-0.5F * x * x);
    const float t = 1.0F / (1.0F + 0.3275911F * kRootHalf * std::abs(x));
    float sum = 1.061405429F;
    sum = sum * t - 1.453152027F;
    sum = sum * t + 1.421413741F;
    sum = sum * t - 0.284496736F;
    sum = sum * t + 0.254829592F;
    const float tail = 0.5F * sum * t * bell, distribution = x < 0.0F ? tail : 1.0F - tail;
    return {x * distribution, distribution + x * kDensityAtZero * bell};
  }
};

[[gnu::always_inline]] inline float sigmoid(float x) {
  const float of_size = fast_exp(-std::abs(x)), greater = 1.0F / (1.0F + of_size);
  return x < 0.0F ? of_size * greater : greater;
}

// x (1 + tanh u) / 2 = x sigmoid(2u), with u = sqrt(2 / pi) (x + 0.044715 x^3).
template <>
struct Curve<Activation::GeluTanh> {
  [[gnu::always_inline]] static ValueAndSlope at(float x) {
    constexpr float kTwice = 1.5957691216057308F, kCubic = 0.044715F;
    const float s = sigmoid(kTwice * x * (1.0F + kCubic * x * x));
    return {x * s, s + x * s * (1.0F - s) * kTwice * (1.0F + 3.0F * kCubic * x * x)};
  }
};

// Of the gate: silu(x) = x sigmoid(x).
template <>
struct Curve<Activation::Swiglu> {
  [[gnu::always_inline]] static ValueAndSlope at(float x) {
    const float s = sigmoid(x);
    return {x * s, s * (1.0F + x * (1.0F - s))};
  }
};

template <Activation kActivation, bool kDrops, class Element>
[[gnu::always_inline]] inline void activate_by(Element* out, const Input<Element>& in,
                                               std::int64_t count) {
  constexpr bool kGated = kActivation == Activation::Swiglu;
  const Element *const x = in.x, *const gate = kGated ? in.gate : x;
  const float* const mask = in.mask;
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) {
    float value = Curve<kActivation>::at(widened(gate[i])).value;
    if (kGated) value *= widened(x[i]);
    if (kDrops) value *= mask[i];
    put(out[i], value);
  }
}

template <Activation kActivation, bool kDrops, class Element>
[[gnu::always_inline]] inline void backward_by(const Gradients<Element>& d,
                                               const Input<Element>& in, const Element* d_out,
                                               std::int64_t count) {
  constexpr bool kGated = kActivation == Activation::Swiglu;
  const Element *const x = in.x, *const gate = kGated ? in.gate : x;
  const float* const mask = in.mask;
  Element *const d_x = d.x, *const d_gate = d.gate;
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) {
    const ValueAndSlope curve = Curve<kActivation>::at(widened(gate[i]));
    float of_value = widened(d_out[i]);
    if (kDrops) of_value *= mask[i];
    if (kGated) {
      put(d_gate[i], of_value * widened(x[i]) * curve.slope);
      put(d_x[i], of_value * curve.value);
    } else {
      put(d_x[i], of_value * curve.slope);
    }
  }
}

template <bool kDrops, class Element>
[[gnu::always_inline]] inline void activate_kind(Activation activation, Element* out,
                                                 const Input<Element>& in, std::int64_t count) {
  switch (activation) {
    case Activation::Relu:
      return activate_by<Activation::Relu, kDrops>(out, in, count);
    case Activation::Gelu:
      return activate_by<Activation::Gelu, kDrops>(out, in, count);
    case Activation::GeluTanh:
      return activate_by<Activation::GeluTanh, kDrops>(out, in, count);
    case Activation::Swiglu:
      return activate_by<Activation::Swiglu, kDrops>(out, in, count);
  }
}

template <class Element>
[[gnu::always_inline]] inline void activate_of(Activation activation, Element* out,
                                               const Input<Element>& in, std::int64_t count) {
  if (in.mask == nullptr)
    activate_kind<false>(activation, out, in, count);
  else
    activate_kind<true>(activation, out, in, count);
}

template <bool kDrops, class Element>
[[gnu::always_inline]] inline void backward_kind(Activation activation, const Gradients<Element>& d,
                                                 const Input<Element>& in, const Element* d_out,
                                                 std::int64_t count) {
  switch (activation) {
    case Activation::Relu:
      return backward_by<Activation::Relu, kDrops>(d, in, d_out, count);
    case Activation::Gelu:
      return backward_by<Activation::Gelu, kDrops>(d, in, d_out, count);
    case Activation::GeluTanh:
      return backward_by<Activation::GeluTanh, kDrops>(d, in, d_out, count);
    case Activation::Swiglu:
      return backward_by<Activation::Swiglu, kDrops>(d, in, d_out, count);
  }
}

template <class Element>
[[gnu::always_inline]] inline void backward_of(Activation activation, const Gradients<Element>& d,
                                               const Input<Element>& in, const Element* d_out,
                                               std::int64_t count) {
  if (in.mask == nullptr)
    backward_kind<false>(activation, d, in, d_out, count);
  else
    backward_kind<true>(activation, d, in, d_out, count);
}

}  // namespace

LONGSPAN_CLONES void activate(Activation activation, float* out, const Input<float>& in,
                              std::int64_t count) {
  activate_of(activation, out, in, count);
}

LONGSPAN_CLONES void activate(Activation activation, c10::BFloat16* out,
                              const Input<c10::BFloat16>& in, std::int64_t count) {
  activate_of(activation, out, in, count);
}

LONGSPAN_CLONES void backward(Activation activation, const Gradients<float>& d,
                              const Input<float>& in, const float* d_out, std::int64_t count) {
  backward_of(activation, d, in, d_out, count);
}

LONGSPAN_CLONES void backward(Activation activation, const Gradients<c10::BFloat16>& d,
                              const Input<c10::BFloat16>& in, const c10::BFloat16* d_out,
                              std::int64_t count) {
  backward_of(activation, d, in, d_out, count);
}

}  // namespace longspan::curve_rows
