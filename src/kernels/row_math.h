#pragma once

#include <c10/util/BFloat16.h>

#include <cstdint>

#include "kernels/mask_layout.h"
#include "longspan/core/philox.h"

/// Loops over one row in memory. The float versions are compiled for several instruction sets and
/// the best one is picked when the program starts; the double versions are plain.
namespace longspan::row_math {

/// Sets x[i] = x[i] * scale + bias[i] and returns the greatest. @param count > 0
float scale_add_max(float* x, const float* bias, std::int64_t count, float scale);
double scale_add_max(double* x, const double* bias, std::int64_t count, double scale);

/// A matrix in memory, its rows `stride` elements apart.
template <class Element>
struct Rows {
  const Element* data;
  std::int64_t num_rows, count, stride;
};

/// Sets out[j] to the sum over i < count of x[i] * row j [i], at the speed of memory.
void multiply_rows(float* out, const float* x, const Rows<float>& rows);
void multiply_rows(float* out, const float* x, const Rows<c10::BFloat16>& rows);

/// Sets out[i] to the sum over rows j of x[j] * row j [i], i < count, at the speed of memory.
void combine_rows(float* out, const float* x, const Rows<float>& rows);
void combine_rows(float* out, const float* x, const Rows<c10::BFloat16>& rows);

/// Returns the greatest of x.
float max(const float* x, std::int64_t count);
double max(const double* x, std::int64_t count);

/// Returns the sum of a[i] * b[i].
float dot(const float* a, const float* b, std::int64_t count);
float dot(const c10::BFloat16* a, const c10::BFloat16* b, std::int64_t count);
double dot(const double* a, const double* b, std::int64_t count);

/// Sets x[i] = exp(x[i] - shift) and returns the sum.
float exp_sum(float* x, std::int64_t count, float shift);
double exp_sum(double* x, std::int64_t count, double shift);

/// What scores become before they are exponentiated: x * scale + bias[i] - shift.
template <class Scalar>
struct Shift {
  const Scalar* bias;
  Scalar scale, shift;
};

/// Sets x[i] = exp(x[i] * scale + bias[i] - shift).
void scale_add_exp(float* x, std::int64_t count, Shift<float> by);
void scale_add_exp(double* x, std::int64_t count, Shift<double> by);

/// Sets gradient[i] = p[i] * (gradient[i] - mean).
void softmax_gradient(float* gradient, const float* p, std::int64_t count, float mean);
void softmax_gradient(double* gradient, const double* p, std::int64_t count, double mean);

/// Sets out[i] = x[i].
void widen(float* out, const float* x, std::int64_t count);
void widen(float* out, const c10::BFloat16* x, std::int64_t count);

/// Adds x[i] to sum[i].
void add_widened(float* sum, const c10::BFloat16* x, std::int64_t count);

/// Sets out[i] = scale * x[i], rounded to out's type; out may be x.
void scale_to(float* out, const float* x, std::int64_t count, float scale);
void scale_to(double* out, const double* x, std::int64_t count, double scale);
void scale_to(c10::BFloat16* out, const float* x, std::int64_t count, float scale);

/// Sets out[2 i] and out[2 i + 1] to even[i] and odd[i], rounded. @param odd null: zeros
void round_pairs(c10::BFloat16* out, const float* even, const float* odd, std::int64_t count);

/// Sets out[2 i] and out[2 i + 1] to even[i] and odd[i]. @param odd null: zeros
void interleave(c10::BFloat16* out, const c10::BFloat16* even, const c10::BFloat16* odd,
                std::int64_t count);

/// Multiplies x[i] by factors[i].
void multiply(float* x, const float* factors, std::int64_t count);
void multiply(double* x, const double* factors, std::int64_t count);

/// The angles of a row's pairs.
template <class Scalar>
struct PairAngles {
  const Scalar *cosines, *sines;
  std::int64_t num_pairs;
};

/// Turns the pairs of x by their angles into out: neighbours (2j, 2j+1), or (j, j + num_pairs).
void rotate_neighbours(float* out, const float* x, PairAngles<float> angles);
void rotate_neighbours(double* out, const double* x, PairAngles<double> angles);
void rotate_halves(float* out, const float* x, PairAngles<float> angles);
void rotate_halves(double* out, const double* x, PairAngles<double> angles);

/// The drop rule of one row. Element i is kept when its 16 random bits are below `keep`.
struct RowMask {
  PhiloxCounter counter;  ///< x[3] is the number of the row's first block; the loops count it up
  PhiloxKey key;
  std::uint32_t keep = 65536;  ///< of 65536
};

/// Sets mask[i] to 65536 / keep where element i is kept and to 0 elsewhere.
void draw_mask(float* mask, std::int64_t count, const RowMask& rule);
void draw_mask(double* mask, std::int64_t count, const RowMask& rule);

}  // namespace longspan::row_math
