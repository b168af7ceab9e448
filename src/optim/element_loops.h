#pragma once

#include <cstdint>

namespace longspan {

/// The numbers of one momentum step:
///   parameter <- parameter_keep * parameter + velocity_to_parameter * velocity +
///   gradient_to_parameter * gradient velocity  <- velocity_keep * velocity + gradient_to_velocity
///   * gradient
/// with the old velocity in the first line. fairseq's NAG and heavy-ball SGD both have this form.
struct MomentumRule {
  double parameter_keep = 1.0;
  double velocity_to_parameter = 0.0;
  double gradient_to_parameter = 0.0;
  double velocity_keep = 0.0;
  double gradient_to_velocity = 0.0;
};

namespace element_loops {

/// Applies a rule in one pass. The three arrays do not overlap.
void momentum(float* parameter, float* velocity, const float* gradient, std::int64_t count,
              const MomentumRule& rule);
void momentum(double* parameter, double* velocity, const double* gradient, std::int64_t count,
              const MomentumRule& rule);

/// Returns the sum of squares, formed in double.
double sum_of_squares(const float* x, std::int64_t count);
double sum_of_squares(const double* x, std::int64_t count);

/// Sets x[i] = x[i] * factor.
void scale(float* x, std::int64_t count, float factor);
void scale(double* x, std::int64_t count, double factor);

}  // namespace element_loops
}  // namespace longspan
