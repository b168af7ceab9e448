// Loops over plain arrays that the compiler vectorises.

#include "optim/element_loops.h"

#include "longspan/core/loop_clones.h"

namespace longspan::element_loops {
namespace {

template <class Scalar>
[[gnu::always_inline]] inline void momentum_loop(Scalar* __restrict parameter,
                                                 Scalar* __restrict velocity,
                                                 const Scalar* __restrict gradient,
                                                 std::int64_t count, const MomentumRule& rule) {
  const auto keep = static_cast<Scalar>(rule.parameter_keep);
  const auto from_velocity = static_cast<Scalar>(rule.velocity_to_parameter);
  const auto from_gradient = static_cast<Scalar>(rule.gradient_to_parameter);
  const auto velocity_keep = static_cast<Scalar>(rule.velocity_keep);
  const auto into_velocity = static_cast<Scalar>(rule.gradient_to_velocity);
  for (std::int64_t i = 0; i < count; ++i) {
    const Scalar v = velocity[i], g = gradient[i];
    parameter[i] = keep * parameter[i] + from_velocity * v + from_gradient * g;
    velocity[i] = velocity_keep * v + into_velocity * g;
  }
}

template <class Scalar>
[[gnu::always_inline]] inline double sum_of_squares_loop(const Scalar* x, std::int64_t count) {
  double sum = 0.0;
#pragma omp simd reduction(+ : sum)
  for (std::int64_t i = 0; i < count; ++i) {
    const auto value = static_cast<double>(x[i]);
    sum += value * value;
  }
  return sum;
}

}  // namespace

LONGSPAN_CLONES void momentum(float* parameter, float* velocity, const float* gradient,
                              std::int64_t count, const MomentumRule& rule) {
  momentum_loop(parameter, velocity, gradient, count, rule);
}
void momentum(double* parameter, double* velocity, const double* gradient, std::int64_t count,
              const MomentumRule& rule) {
  momentum_loop(parameter, velocity, gradient, count, rule);
}

LONGSPAN_CLONES double sum_of_squares(const float* x, std::int64_t count) {
  return sum_of_squares_loop(x, count);
}
double sum_of_squares(const double* x, std::int64_t count) { return sum_of_squares_loop(x, count); }

LONGSPAN_CLONES void scale(float* x, std::int64_t count, float factor) {
  for (std::int64_t i = 0; i < count; ++i) x[i] *= factor;
}
void scale(double* x, std::int64_t count, double factor) {
  for (std::int64_t i = 0; i < count; ++i) x[i] *= factor;
}

}  // namespace longspan::element_loops
