// Row loops that the compiler vectorises.

#include "kernels/row_math.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "kernels/row_elements.h"

namespace longspan::row_math {
namespace {

template <class Scalar>
void fill_mask_chunk(Scalar* mask, const RowMask& rule, std::uint32_t first_block, Scalar scale) {
  for (std::int64_t lane = 0; lane < kMaskLanes; ++lane) {
    PhiloxCounter counter = rule.counter;
    counter.x[3] += first_block + static_cast<std::uint32_t>(lane);
    const PhiloxCounter words = philox(counter, rule.key);
    for (std::int64_t piece = 0; piece < kMaskPieces; ++piece) {
      const std::uint32_t bits = (words.x[piece / 2] >> (16 * (piece % 2))) & 0xffffu;
      mask[piece * kMaskLanes + lane] = bits < rule.keep ? scale : Scalar(0);
    }
  }
}

constexpr std::int64_t kLanes = 16;
using Lanes = float __attribute__((vector_size(4 * kLanes)));
using LaneBits = std::uint32_t __attribute__((vector_size(4 * kLanes)));
using NarrowLanes = std::uint16_t __attribute__((vector_size(2 * kLanes)));

// Results of lanes are arguments: how they are returned depends on the instruction set.
[[gnu::always_inline]] inline void load(Lanes& lanes, const float* x) {
  std::memcpy(&lanes, x, sizeof lanes);
}

[[gnu::always_inline]] inline void load(Lanes& lanes, const c10::BFloat16* x) {
  NarrowLanes narrow;
  std::memcpy(&narrow, x, sizeof narrow);
  const LaneBits bits = __builtin_convertvector(narrow, LaneBits) << 16;
  lanes = reinterpret_cast<Lanes>(bits);
}

// A loop of std::max is not vectorised, for what it does with NaN.
[[gnu::always_inline]] inline void take_greater(Lanes& greatest, const Lanes& lanes) {
  greatest = greatest < lanes ? lanes : greatest;
}

[[gnu::always_inline]] inline float greatest_of(const Lanes& lanes) {
  float greatest = lanes[0];
  for (std::int64_t lane = 1; lane < kLanes; ++lane) greatest = std::max(greatest, lanes[lane]);
  return greatest;
}

[[gnu::always_inline]] inline float sum_of(const Lanes& lanes) {
  float sum = 0;
  for (std::int64_t lane = 0; lane < kLanes; ++lane) sum += lanes[lane];
  return sum;
}

constexpr std::int64_t kTogether = 4;  // rows that are read side by side
constexpr std::int64_t kAhead =
    2 * kTogether;  // rows between those fetched and those computed with

// Returns the rows to fetch while row j is computed with. Processors foresee a loop that walks
// through memory, but not several rows of two-byte numbers at once, which then come at half the
// speed of memory.
template <class Element>
[[gnu::always_inline]] inline const Element* rows_ahead(const Rows<Element>& rows, std::int64_t j) {
  return rows.data + std::min(j + kAhead, rows.num_rows - kTogether) * rows.stride;
}

template <class Element>
[[gnu::always_inline]] inline void multiply_rows_of(float* out, const float* x,
                                                    const Rows<Element>& rows) {
  const auto [data, num_rows, count, stride] = rows;
  const std::int64_t whole = count - count % kLanes;
  std::int64_t j = 0;
  for (; j + kTogether <= num_rows; j += kTogether) {
    const Element *const row = data + j * stride, *const ahead = rows_ahead(rows, j);
    Lanes sums[kTogether]{};
    for (std::int64_t i = 0; i < whole; i += kLanes) {
      Lanes lanes, weights;
      load(lanes, x + i);
      for (std::int64_t each = 0; each < kTogether; ++each) {
        __builtin_prefetch(ahead + each * stride + i);
        load(weights, row + each * stride + i);
        sums[each] += lanes * weights;
      }
    }
    for (std::int64_t each = 0; each < kTogether; ++each) {
      float sum = sum_of(sums[each]);
      for (std::int64_t i = whole; i < count; ++i) sum += x[i] * widened(row[each * stride + i]);
      out[j + each] = sum;
    }
  }
  for (; j < num_rows; ++j) {
    float sum = 0;
    for (std::int64_t i = 0; i < count; ++i) sum += x[i] * widened(data[j * stride + i]);
    out[j] = sum;
  }
}

template <class Element>
[[gnu::always_inline]] inline void combine_rows_of(float* out, const float* x,
                                                   const Rows<Element>& rows) {
  const Element* const data = rows.data;
  const std::int64_t num_rows = rows.num_rows, count = rows.count, stride = rows.stride;
  std::fill(out, out + count, 0.0f);
  std::int64_t j = 0;
  for (; j + kTogether <= num_rows; j += kTogether) {
    const Element *const row = data + j * stride, *const ahead = rows_ahead(rows, j);
    for (std::int64_t each = 0; each < kTogether; ++each)
      for (std::int64_t i = 0; i < count; i += kLanes)
        __builtin_prefetch(ahead + each * stride + i);
    const float x0 = x[j], x1 = x[j + 1], x2 = x[j + 2], x3 = x[j + 3];
#pragma omp simd
    for (std::int64_t i = 0; i < count; ++i)
      out[i] += x0 * widened(row[i]) + x1 * widened(row[stride + i]) +
                x2 * widened(row[2 * stride + i]) + x3 * widened(row[3 * stride + i]);
  }
  for (; j < num_rows; ++j)
    for (std::int64_t i = 0; i < count; ++i) out[i] += x[j] * widened(data[j * stride + i]);
}

template <class Element>
[[gnu::always_inline]] inline float dot_of(const Element* a, const Element* b, std::int64_t count) {
  Lanes sums{}, left, right;
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    load(left, a + i);
    load(right, b + i);
    sums += left * right;
  }
  float sum = sum_of(sums);
  for (; i < count; ++i) sum += widened(a[i]) * widened(b[i]);
  return sum;
}

}  // namespace

LONGSPAN_CLONES void multiply_rows(float* out, const float* x, const Rows<float>& rows) {
  multiply_rows_of(out, x, rows);
}

LONGSPAN_CLONES void multiply_rows(float* out, const float* x, const Rows<c10::BFloat16>& rows) {
  multiply_rows_of(out, x, rows);
}

LONGSPAN_CLONES void combine_rows(float* out, const float* x, const Rows<float>& rows) {
  combine_rows_of(out, x, rows);
}

LONGSPAN_CLONES void combine_rows(float* out, const float* x, const Rows<c10::BFloat16>& rows) {
  combine_rows_of(out, x, rows);
}

LONGSPAN_CLONES float scale_add_max(float* x, const float* bias, std::int64_t count, float scale) {
  Lanes greatest_lanes = Lanes{} - std::numeric_limits<float>::infinity(), lanes, biases;
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    load(lanes, x + i);
    load(biases, bias + i);
    lanes = lanes * scale + biases;
    std::memcpy(x + i, &lanes, sizeof lanes);
    take_greater(greatest_lanes, lanes);
  }
  float greatest = greatest_of(greatest_lanes);
  for (; i < count; ++i) {
    x[i] = x[i] * scale + bias[i];
    greatest = std::max(greatest, x[i]);
  }
  return greatest;
}

double scale_add_max(double* x, const double* bias, std::int64_t count, double scale) {
  double greatest = -std::numeric_limits<double>::infinity();
  for (std::int64_t i = 0; i < count; ++i) {
    x[i] = x[i] * scale + bias[i];
    greatest = std::max(greatest, x[i]);
  }
  return greatest;
}

LONGSPAN_CLONES float max(const float* x, std::int64_t count) {
  Lanes greatest_lanes = Lanes{} - std::numeric_limits<float>::infinity(), lanes;
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    load(lanes, x + i);
    take_greater(greatest_lanes, lanes);
  }
  float greatest = greatest_of(greatest_lanes);
  for (; i < count; ++i) greatest = std::max(greatest, x[i]);
  return greatest;
}

double max(const double* x, std::int64_t count) { return *std::max_element(x, x + count); }

LONGSPAN_CLONES float dot(const float* a, const float* b, std::int64_t count) {
  return dot_of(a, b, count);
}

LONGSPAN_CLONES float dot(const c10::BFloat16* a, const c10::BFloat16* b, std::int64_t count) {
  return dot_of(a, b, count);
}

double dot(const double* a, const double* b, std::int64_t count) {
  double sum = 0;
  for (std::int64_t i = 0; i < count; ++i) sum += a[i] * b[i];
  return sum;
}

LONGSPAN_CLONES float exp_sum(float* x, std::int64_t count, float shift) {
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (std::int64_t i = 0; i < count; ++i) {
    x[i] = fast_exp(x[i] - shift);
    sum += x[i];
  }
  return sum;
}

double exp_sum(double* x, std::int64_t count, double shift) {
  double sum = 0;
  for (std::int64_t i = 0; i < count; ++i) sum += x[i] = std::exp(x[i] - shift);
  return sum;
}

LONGSPAN_CLONES void scale_add_exp(float* x, std::int64_t count, Shift<float> by) {
  const float* const bias = by.bias;
  const float scale = by.scale, shift = by.shift;
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) x[i] = fast_exp(x[i] * scale + bias[i] - shift);
}

void scale_add_exp(double* x, std::int64_t count, Shift<double> by) {
  for (std::int64_t i = 0; i < count; ++i) x[i] = std::exp(x[i] * by.scale + by.bias[i] - by.shift);
}

LONGSPAN_CLONES void softmax_gradient(float* gradient, const float* p, std::int64_t count,
                                      float mean) {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) gradient[i] = p[i] * (gradient[i] - mean);
}

void softmax_gradient(double* gradient, const double* p, std::int64_t count, double mean) {
  for (std::int64_t i = 0; i < count; ++i) gradient[i] = p[i] * (gradient[i] - mean);
}

void widen(float* out, const float* x, std::int64_t count) { std::copy_n(x, count, out); }

LONGSPAN_CLONES void widen(float* out, const c10::BFloat16* x, std::int64_t count) {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) out[i] = widened(x[i]);
}

LONGSPAN_CLONES void add_widened(float* sum, const c10::BFloat16* x, std::int64_t count) {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) sum[i] += widened(x[i]);
}

void scale_to(double* out, const double* x, std::int64_t count, double scale) {
  for (std::int64_t i = 0; i < count; ++i) out[i] = scale * x[i];
}

LONGSPAN_CLONES void scale_to(float* out, const float* x, std::int64_t count, float scale) {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) out[i] = scale * x[i];
}

LONGSPAN_CLONES void scale_to(c10::BFloat16* out, const float* x, std::int64_t count, float scale) {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) out[i].x = bfloat16_bits(scale * x[i]);
}

LONGSPAN_CLONES void round_pairs(c10::BFloat16* out, const float* even, const float* odd,
                                 std::int64_t count) {
  auto* const pairs = reinterpret_cast<std::uint32_t*>(out);
  if (odd == nullptr) {
#pragma omp simd
    for (std::int64_t i = 0; i < count; ++i) pairs[i] = bfloat16_bits(even[i]);
    return;
  }
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i)
    pairs[i] = bfloat16_bits(even[i]) | std::uint32_t{bfloat16_bits(odd[i])} << 16;
}

LONGSPAN_CLONES void interleave(c10::BFloat16* out, const c10::BFloat16* even,
                                const c10::BFloat16* odd, std::int64_t count) {
  auto* const pairs = reinterpret_cast<std::uint32_t*>(out);
  if (odd == nullptr) {
#pragma omp simd
    for (std::int64_t i = 0; i < count; ++i) pairs[i] = even[i].x;
    return;
  }
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) pairs[i] = even[i].x | std::uint32_t{odd[i].x} << 16;
}

LONGSPAN_CLONES void multiply(float* x, const float* factors, std::int64_t count) {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) x[i] *= factors[i];
}

void multiply(double* x, const double* factors, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) x[i] *= factors[i];
}

LONGSPAN_CLONES void rotate_neighbours(float* out, const float* x, PairAngles<float> angles) {
  const float *const cosines = angles.cosines, *const sines = angles.sines;
  const std::int64_t num_pairs = angles.num_pairs;
#pragma omp simd
  for (std::int64_t j = 0; j < num_pairs; ++j) {
    const float a = x[2 * j], b = x[2 * j + 1];
    out[2 * j] = a * cosines[j] - b * sines[j];
    out[2 * j + 1] = b * cosines[j] + a * sines[j];
  }
}

void rotate_neighbours(double* out, const double* x, PairAngles<double> angles) {
  const double *const cosines = angles.cosines, *const sines = angles.sines;
  const std::int64_t num_pairs = angles.num_pairs;
  for (std::int64_t j = 0; j < num_pairs; ++j) {
    const double a = x[2 * j], b = x[2 * j + 1];
    out[2 * j] = a * cosines[j] - b * sines[j];
    out[2 * j + 1] = b * cosines[j] + a * sines[j];
  }
}

LONGSPAN_CLONES void rotate_halves(float* out, const float* x, PairAngles<float> angles) {
  const float *const cosines = angles.cosines, *const sines = angles.sines;
  const std::int64_t num_pairs = angles.num_pairs;
#pragma omp simd
  for (std::int64_t j = 0; j < num_pairs; ++j) {
    const float a = x[j], b = x[j + num_pairs];
    out[j] = a * cosines[j] - b * sines[j];
    out[j + num_pairs] = b * cosines[j] + a * sines[j];
  }
}

void rotate_halves(double* out, const double* x, PairAngles<double> angles) {
  const double *const cosines = angles.cosines, *const sines = angles.sines;
  const std::int64_t num_pairs = angles.num_pairs;
  for (std::int64_t j = 0; j < num_pairs; ++j) {
    const double a = x[j], b = x[j + num_pairs];
    out[j] = a * cosines[j] - b * sines[j];
    out[j + num_pairs] = b * cosines[j] + a * sines[j];
  }
}

// The lanes' Philox rounds run side by side in vector registers: 32 x 32 -> 64-bit products of
// eight lanes at a time.
LONGSPAN_CLONES void draw_mask(float* mask, std::int64_t count, const RowMask& rule) {
  const float scale = 65536.0f / static_cast<float>(rule.keep);
  float chunk[kMaskChunk];
  for (std::int64_t begin = 0; begin < count; begin += kMaskChunk) {
    std::uint32_t c0[kMaskLanes], c1[kMaskLanes], c2[kMaskLanes], c3[kMaskLanes];
    const auto first_block =
        rule.counter.x[3] + static_cast<std::uint32_t>(begin / kMaskChunk * kMaskLanes);
    for (int lane = 0; lane < kMaskLanes; ++lane) {
      c0[lane] = rule.counter.x[0];
      c1[lane] = rule.counter.x[1];
      c2[lane] = rule.counter.x[2];
      c3[lane] = first_block + static_cast<std::uint32_t>(lane);
    }
    std::uint32_t key0 = rule.key.x[0], key1 = rule.key.x[1];
    for (int round = 0; round < 10; ++round) {
#pragma omp simd
      for (int lane = 0; lane < kMaskLanes; ++lane) {
        const std::uint64_t product0 = std::uint64_t{0xD2511F53u} * c0[lane];
        const std::uint64_t product1 = std::uint64_t{0xCD9E8D57u} * c2[lane];
        c0[lane] = static_cast<std::uint32_t>(product1 >> 32) ^ c1[lane] ^ key0;
        c1[lane] = static_cast<std::uint32_t>(product1);
        c2[lane] = static_cast<std::uint32_t>(product0 >> 32) ^ c3[lane] ^ key1;
        c3[lane] = static_cast<std::uint32_t>(product0);
      }
      key0 += 0x9E3779B9u;
      key1 += 0xBB67AE85u;
    }
    const std::uint32_t* const words[4] = {c0, c1, c2, c3};
    for (int word = 0; word < 4; ++word) {
      float* const low = chunk + 2 * word * kMaskLanes;
#pragma omp simd
      for (int lane = 0; lane < kMaskLanes; ++lane) {
        low[lane] = (words[word][lane] & 0xffffu) < rule.keep ? scale : 0.0f;
        low[lane + kMaskLanes] = (words[word][lane] >> 16) < rule.keep ? scale : 0.0f;
      }
    }
    std::copy_n(chunk, std::min(kMaskChunk, count - begin), mask + begin);
  }
}

void draw_mask(double* mask, std::int64_t count, const RowMask& rule) {
  const double scale = 65536.0 / static_cast<double>(rule.keep);
  double chunk[kMaskChunk];
  for (std::int64_t begin = 0; begin < count; begin += kMaskChunk) {
    fill_mask_chunk(chunk, rule, static_cast<std::uint32_t>(begin / kMaskChunk * kMaskLanes),
                    scale);
    std::copy_n(chunk, std::min(kMaskChunk, count - begin), mask + begin);
  }
}

}  // namespace longspan::row_math
