#pragma once

#include "kernels/gpu/element.h"
#include "longspan/kernels/activation_kind.h"

/// Activations and their slopes, from the hardware's exp2 and reciprocal.
namespace longspan::gpu {

template <Activation kActivation>
struct Curve;

template <class Thread>
LONGSPAN_DEVICE float sigmoid(Thread& thread, float x) {
  constexpr float kMinusLog2E = -1.4426950408889634f;
  return thread.reciprocal(1.0f + thread.exp2(kMinusLog2E * x));
}

template <>
struct Curve<Activation::Relu> {
  // Comparisons as they are let NaN through.
  template <class Thread>
  LONGSPAN_DEVICE static float value(Thread&, float x) {
    return x < 0.0f ? 0.0f : x;
  }
  template <class Thread>
  LONGSPAN_DEVICE static float slope(Thread&, float x) {
    return x <= 0.0f ? 0.0f : 1.0f;
  }
};

/// x Phi(x), Phi the normal distribution. Its tail is e^(-x^2/2) times a polynomial of
/// 1 / (1 + c |x|), to 8e-8 (Abramowitz and Stegun, 7.1.26): cheaper than erf, exact to a few
/// units where 1 + erf cancels, and the slope needs the exponential anyway.
template <>
struct Curve<Activation::Gelu> {
  struct Normal {
    float distribution, density;
  };
  template <class Thread>
  LONGSPAN_DEVICE static Normal normal(Thread& thread, float x) {
    constexpr float kHalfLog2E = 0.72134752044448170f, kRootHalf = 0.70710678118654752f,
                    kDensityAtZero = 0.39894228040143268f;
    const float size = x < 0.0f ? -x : x;
    const float bell = thread.exp2(-kHalfLog2E * x * x);
    const float t = thread.reciprocal(1.0f + 0.3275911f * kRootHalf * size);
    float sum = 1.061405429f;
    sum = sum * t - 1.453152027f;
    sum = sum * t + 1.421413741f;
    sum = sum * t - 0.284496736f;
    sum = sum * t + 0.254829592f;
    const float tail = 0.5f * sum * t * bell;
    return {x < 0.0f ? tail : 1.0f - tail, kDensityAtZero * bell};
  }
  template <class Thread>
  LONGSPAN_DEVICE static float value(Thread& thread, float x) {
    return x * normal(thread, x).distribution;
  }
  template <class Thread>
  LONGSPAN_DEVICE static float slope(Thread& thread, float x) {
    const Normal of_x = normal(thread, x);
    return of_x.distribution + x * of_x.density;
  }
};

/// x (1 + tanh u) / 2 = x sigmoid(2u), with u = sqrt(2 / pi) (x + 0.044715 x^3).
template <>
struct Curve<Activation::GeluTanh> {
  static constexpr float kTwice = 1.5957691216057308f, kCubic = 0.044715f;

  template <class Thread>
  LONGSPAN_DEVICE static float share(Thread& thread, float x) {
    return sigmoid(thread, kTwice * x * (1.0f + kCubic * x * x));
  }
  template <class Thread>
  LONGSPAN_DEVICE static float value(Thread& thread, float x) {
    return x * share(thread, x);
  }
  template <class Thread>
  LONGSPAN_DEVICE static float slope(Thread& thread, float x) {
    const float s = share(thread, x);
    return s + x * s * (1.0f - s) * kTwice * (1.0f + 3.0f * kCubic * x * x);
  }
};

/// Of the gate: silu(x) = x sigmoid(x).
template <>
struct Curve<Activation::Swiglu> {
  template <class Thread>
  LONGSPAN_DEVICE static float value(Thread& thread, float x) {
    return x * sigmoid(thread, x);
  }
  template <class Thread>
  LONGSPAN_DEVICE static float slope(Thread& thread, float x) {
    const float s = sigmoid(thread, x);
    return s * (1.0f + x * (1.0f - s));
  }
};

}  // namespace longspan::gpu
