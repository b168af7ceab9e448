#pragma once

#include "kernels/gpu/element.h"

/// Work on every element of many float32 tensors in one launch: a block takes a chunk of one of
/// them. Where what is written depends on the order of operations, each is rounded by itself or
/// fused by name, so that no compiler changes a bit.
namespace longspan::gpu {

inline constexpr int kUpdateThreads = 256, kQuad = 4;
inline constexpr std::int64_t kUpdateChunk = 16384;

/// A tensor, and what its update does not share with others. What a kernel does not touch is null.
struct alignas(16) TensorRow {
  float* parameter;
  float *first, *second;  ///< the optimizer's state
  const float* gradient;
  std::uint16_t* narrow;
  std::int64_t count;
  int first_chunk;               ///< chunks of the tensors before it
  float keep;                    ///< what decay leaves of the parameter
  float step_size, root_factor;  ///< AdamW
};

struct TensorTable {
  const TensorRow* rows;
  int num_tensors, num_chunks;  ///< both > 0
};

/// The chunk of a block. Grid: num_chunks of kUpdateThreads.
struct UpdateChunk {
  TensorRow row;
  std::int64_t begin, end;

  template <class Thread>
  LONGSPAN_DEVICE UpdateChunk(Thread& thread, const TensorTable& table) {
    const int number = thread.block_x();
    int low = 0, above = table.num_tensors;
    while (above - low > 1) {
      const int middle = (low + above) / 2;
      if (thread.load(&table.rows[middle].first_chunk) <= number)
        low = middle;
      else
        above = middle;
    }
    row = thread.load(table.rows + low);
    begin = (number - row.first_chunk) * kUpdateChunk;
    end = row.count - begin < kUpdateChunk ? row.count : begin + kUpdateChunk;
  }

  /// Calls visit(at, inside) for the elements [at, at + inside) that are this thread's, at most
  /// kQuad at a time.
  template <class Thread, class Visit>
  LONGSPAN_DEVICE void each_quad(Thread& thread, const Visit& visit) const {
    for (std::int64_t at = begin + thread.index() * kQuad; at < end; at += kUpdateThreads * kQuad)
      visit(at, end - at < kQuad ? static_cast<int>(end - at) : kQuad);
  }
};

template <int kBytes>
LONGSPAN_DEVICE bool is_multiple(const void* address) {
  return reinterpret_cast<std::uintptr_t>(address) % kBytes == 0;
}

/// Elements that are not inside are 0.
template <class Thread>
LONGSPAN_DEVICE FloatQuad load_quad(Thread& thread, const float* from, int inside) {
  if (inside == kQuad && is_multiple<sizeof(FloatQuad)>(from))
    return thread.load(reinterpret_cast<const FloatQuad*>(from));
  FloatQuad quad = {};
  LONGSPAN_UNROLL
  for (int i = 0; i < kQuad; ++i)
    if (i < inside) quad.x[i] = thread.load(from + i);
  return quad;
}

template <class Thread>
LONGSPAN_DEVICE void store_quad(Thread& thread, float* to, int inside, const FloatQuad& quad) {
  if (inside == kQuad && is_multiple<sizeof(FloatQuad)>(to)) {
    thread.store(reinterpret_cast<FloatQuad*>(to), quad);
    return;
  }
  LONGSPAN_UNROLL
  for (int i = 0; i < kQuad; ++i)
    if (i < inside) thread.store(to + i, quad.x[i]);
}

/// Adds up a number of each thread, in one order. @return in thread 0 the sum
template <class Thread>
LONGSPAN_DEVICE double sum_of_block(Thread& thread, double sum) {
  constexpr int kBytes = sizeof(double);
  thread.store_shared(thread.index() * kBytes, sum);
  for (int half = kUpdateThreads / 2; half > 0; half /= 2) {
    thread.synchronize();
    if (thread.index() >= half) continue;
    sum += thread.template load_shared<double>((thread.index() + half) * kBytes);
    thread.store_shared(thread.index() * kBytes, sum);
  }
  return sum;
}

/// Sums of the squares of gradients, chunk by chunk, in float64: a square is exact.
struct GradientSquares {
  static constexpr int kSharedBytes = kUpdateThreads * sizeof(double);

  template <class Thread>
  LONGSPAN_DEVICE static void run(Thread& thread, const TensorTable& table, double* sums_C) {
    const UpdateChunk chunk(thread, table);
    double sum = 0.0;
    chunk.each_quad(thread, [&](std::int64_t at, int inside) {
      const FloatQuad g = load_quad(thread, chunk.row.gradient + at, inside);
      LONGSPAN_UNROLL
      for (int i = 0; i < kQuad; ++i) sum += static_cast<double>(g.x[i]) * g.x[i];
    });
    sum = sum_of_block(thread, sum);
    if (thread.index() == 0) thread.store(sums_C + thread.block_x(), sum);
  }
};

struct NormProblem {
  const double* sums_C;
  int num_sums;
  double scale, clip_norm, eps;  ///< as ClipRule
  const double* loss_sum;
};

/// As GradientNumbers of kernels/tensor_updates.h.
struct NormOutputs {
  double *loss_sum, *norm, *factor;
};

/// The norm of all gradients and what they are multiplied by. Grid: 1 of kUpdateThreads.
struct GradientNorm {
  static constexpr int kSharedBytes = kUpdateThreads * sizeof(double);

  template <class Thread>
  LONGSPAN_DEVICE static void run(Thread& thread, const NormProblem& p, const NormOutputs& out) {
    double sum = 0.0;
    for (int i = thread.index(); i < p.num_sums; i += kUpdateThreads)
      sum += thread.load(p.sums_C + i);
    sum = sum_of_block(thread, sum);
    if (thread.index() != 0) return;
    const double loss_sum = thread.load(p.loss_sum);
    const double norm = thread.product(thread.square_root(sum), p.scale < 0.0 ? -p.scale : p.scale);
    double clip = 1.0;
    if (p.clip_norm != 0.0 && p.clip_norm / (norm + p.eps) < 1.0)
      clip = p.clip_norm / (norm + p.eps);
    const bool finite = loss_sum - loss_sum == 0.0 && norm - norm == 0.0;
    thread.store(out.loss_sum, loss_sum);
    thread.store(out.norm, norm);
    thread.store(out.factor,
                 finite ? thread.product(p.scale, clip) : norm - norm + (loss_sum - loss_sum));
  }
};

/// Returns what gradients are multiplied by. @param factor null: 1; not a number: nothing is to be
/// written
template <class Thread>
LONGSPAN_DEVICE float load_factor(Thread& thread, const double* factor) {
  return factor == nullptr ? 1.0f : static_cast<float>(thread.load(factor));
}

/// Calls update(row, at, inside, scale) as UpdateChunk::each_quad does, with what gradients are
/// multiplied by; not at all where that is not a number.
template <class Thread, class Update>
LONGSPAN_DEVICE void each_update(Thread& thread, const TensorTable& table, const double* factor,
                                 const Update& update) {
  const float scale = load_factor(thread, factor);
  if (scale != scale) return;
  const UpdateChunk chunk(thread, table);
  chunk.each_quad(thread,
                  [&](std::int64_t at, int inside) { update(chunk.row, at, inside, scale); });
}

/// The numbers of a MomentumRule of src/optim that all tensors share.
struct MomentumNumbers {
  float velocity_to_parameter, gradient_to_parameter, velocity_keep, gradient_to_velocity;
};

struct MomentumUpdate {
  template <class Thread>
  LONGSPAN_DEVICE static void run(Thread& thread, const TensorTable& table,
                                  const MomentumNumbers& numbers, const double* factor) {
    each_update(
        thread, table, factor, [&](const TensorRow& row, std::int64_t at, int inside, float scale) {
          FloatQuad p = load_quad(thread, row.parameter + at, inside),
                    v = load_quad(thread, row.first + at, inside);
          const FloatQuad gradient = load_quad(thread, row.gradient + at, inside);
          LONGSPAN_UNROLL
          for (int i = 0; i < kQuad; ++i) {
            const float g = thread.product(gradient.x[i], scale);
            p.x[i] = thread.multiply_add(numbers.gradient_to_parameter, g,
                                         thread.multiply_add(numbers.velocity_to_parameter, v.x[i],
                                                             thread.product(row.keep, p.x[i])));
            v.x[i] = thread.multiply_add(numbers.gradient_to_velocity, g,
                                         thread.product(numbers.velocity_keep, v.x[i]));
          }
          store_quad(thread, row.parameter + at, inside, p);
          store_quad(thread, row.first + at, inside, v);
        });
  }
};

struct AdamWNumbers {
  float mean_share, square_keep, square_share, eps;  ///< 1 - beta1, beta2, 1 - beta2
};

struct AdamWUpdate {
  template <class Thread>
  LONGSPAN_DEVICE static void run(Thread& thread, const TensorTable& table,
                                  const AdamWNumbers& numbers, const double* factor) {
    each_update(
        thread, table, factor, [&](const TensorRow& row, std::int64_t at, int inside, float scale) {
          FloatQuad p = load_quad(thread, row.parameter + at, inside),
                    mean = load_quad(thread, row.first + at, inside),
                    square = load_quad(thread, row.second + at, inside);
          const FloatQuad gradient = load_quad(thread, row.gradient + at, inside);
          LONGSPAN_UNROLL
          for (int i = 0; i < kQuad; ++i) {
            const float g = thread.product(gradient.x[i], scale), difference = g - mean.x[i];
            // From the nearer end, as LibTorch's lerp.
            mean.x[i] = numbers.mean_share < 0.5f
                            ? thread.multiply_add(numbers.mean_share, difference, mean.x[i])
                            : thread.multiply_add(numbers.mean_share - 1.0f, difference, g);
            square.x[i] = thread.multiply_add(thread.product(numbers.square_share, g), g,
                                              thread.product(numbers.square_keep, square.x[i]));
            const float size =
                thread.multiply_add(thread.square_root(square.x[i]), row.root_factor, numbers.eps);
            p.x[i] = thread.multiply_add(row.keep, p.x[i],
                                         -thread.product(row.step_size, mean.x[i]) / size);
          }
          store_quad(thread, row.parameter + at, inside, p);
          store_quad(thread, row.first + at, inside, mean);
          store_quad(thread, row.second + at, inside, square);
        });
  }
};

/// Copies parameters into a narrow type.
template <class Element>
struct NarrowCopies {
  template <class Thread>
  LONGSPAN_DEVICE static void run(Thread& thread, const TensorTable& table) {
    const UpdateChunk chunk(thread, table);
    chunk.each_quad(thread, [&](std::int64_t at, int inside) {
      const FloatQuad p = load_quad(thread, chunk.row.parameter + at, inside);
      const HalfWide pairs = {{thread.template pack<Element>(p.x[0], p.x[1]),
                               thread.template pack<Element>(p.x[2], p.x[3])}};
      std::uint16_t* const to = chunk.row.narrow + at;
      if (inside == kQuad && is_multiple<sizeof(HalfWide)>(to)) {
        thread.store(reinterpret_cast<HalfWide*>(to), pairs);
        return;
      }
      LONGSPAN_UNROLL
      for (int i = 0; i < kQuad; ++i)
        if (i < inside)
          thread.store(to + i, static_cast<std::uint16_t>(pairs.x[i / 2] >> (i % 2 * 16)));
    });
  }
};

}  // namespace longspan::gpu
