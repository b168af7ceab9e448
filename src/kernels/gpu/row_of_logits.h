#pragma once

#include "kernels/gpu/tile.h"

/// One row of float32 logits, of any length, and the sum of its exponentials as a block forms it.
namespace longspan::gpu {

struct LogitRows {
  const float* logits_NV;  ///< begins at a multiple of 16 bytes
  const std::int64_t* targets_N;
  int num_rows, vocab_size;
};

/// Where a row's elements lie in the tensor. Groups of four begin at multiples of 16 bytes; up to
/// three elements before them and three behind are single.
struct RowPlace {
  std::int64_t begin;  ///< of the row, in elements
  int head, quads, size;

  LONGSPAN_DEVICE RowPlace(int row, int vocab_size)
      : begin(static_cast<std::int64_t>(row) * vocab_size), size(vocab_size) {
    const int to_multiple = static_cast<int>(-begin & 3);
    head = to_multiple < size ? to_multiple : size;
    quads = (size - head) / 4;
  }
  LONGSPAN_DEVICE int num_single() const { return size - 4 * quads; }
  /// Returns the column of a single element, or of a group's first.
  LONGSPAN_DEVICE int single(int i) const { return i < head ? i : 4 * quads + i; }
  LONGSPAN_DEVICE int quad(int i) const { return head + 4 * i; }
};

/// The sum of exp(x - top) over some numbers x, whose greatest is top.
struct ExponentialSum {
  static constexpr float kLog2E = 1.4426950408889634f, kLn2 = 0.6931471805599453f;
  static constexpr float kLowest = -3.402823466e38f;  ///< finite: its difference to -inf is no NaN

  float top = kLowest, sum = 0.0f;

  template <class Thread>
  LONGSPAN_DEVICE float exponential(Thread& thread, float x) const {
    return thread.exp2((x - top) * kLog2E);
  }

  template <int kCount, class Thread>
  LONGSPAN_DEVICE void add(Thread& thread, const float (&x)[kCount]) {
    const ExponentialSum before = *this;
    LONGSPAN_UNROLL
    for (int i = 0; i < kCount; ++i) top = x[i] > top ? x[i] : top;
    sum *= exponential(thread, before.top);
    LONGSPAN_UNROLL
    for (int i = 0; i < kCount; ++i) sum += exponential(thread, x[i]);
  }

  /// Adds up what kLanes neighbours have: the same bits in all of them.
  template <int kLanes, class Thread>
  LONGSPAN_DEVICE void add_up(Thread& thread) {
    const float own = top;
    LONGSPAN_UNROLL
    for (int mask = 1; mask < kLanes; mask *= 2) {
      const float other = thread.shuffle_xor(top, mask);
      top = other > top ? other : top;
    }
    sum *= exponential(thread, own);
    LONGSPAN_UNROLL
    for (int mask = 1; mask < kLanes; mask *= 2) sum += thread.shuffle_xor(sum, mask);
  }

  template <class Thread>
  LONGSPAN_DEVICE float log(Thread& thread) const {
    return top + thread.log2(sum) * kLn2;
  }
};

/// How a block goes through a row.
struct RowOfLogits {
  static constexpr int kWarps = 16, kThreads = kWarps * kWarpSize;
  static constexpr int kSharedBytes = kWarps * static_cast<int>(sizeof(FloatPair));
  /// Groups of four that a thread has on their way at once.
  static constexpr int kQuads = 4, kFloats = 4 * kQuads;

  const float* logits;  ///< of the row
  RowPlace place;

  LONGSPAN_DEVICE RowOfLogits(const LogitRows& rows, int row)
      : logits(rows.logits_NV + static_cast<std::int64_t>(row) * rows.vocab_size),
        place(row, rows.vocab_size) {}

  /// Loads this thread's groups first, first + kThreads, ...; what is behind the row counts for
  /// nothing in a sum.
  template <class Thread>
  LONGSPAN_DEVICE void load(Thread& thread, int first, float (&x)[kFloats]) const {
    LONGSPAN_UNROLL
    for (int i = 0; i < kQuads; ++i) {
      const int quad = first + i * kThreads;
      constexpr float kLowest = ExponentialSum::kLowest;
      FloatQuad four{{kLowest, kLowest, kLowest, kLowest}};
      if (quad < place.quads)
        four = thread.load(reinterpret_cast<const FloatQuad*>(logits + place.quad(quad)));
      LONGSPAN_UNROLL
      for (int e = 0; e < 4; ++e) x[4 * i + e] = four.x[e];
    }
  }

  /// Returns the sum over the row to each thread. Passes one barrier of the block, before which
  /// every thread has read what it wants of the row.
  template <class Thread>
  LONGSPAN_DEVICE ExponentialSum sum(Thread& thread) const {
    ExponentialSum result;
    const int index = thread.index();
    for (int first = index; first < place.quads; first += kQuads * kThreads) {
      float x[kFloats];
      load(thread, first, x);
      result.add(thread, x);
    }
    if (index < place.num_single()) {
      const float x[1] = {thread.load(logits + place.single(index))};
      result.add(thread, x);
    }
    result.template add_up<kWarpSize>(thread);
    constexpr int kPairBytes = static_cast<int>(sizeof(FloatPair));
    if (index % kWarpSize == 0)
      thread.store_shared(index / kWarpSize * kPairBytes, FloatPair{{result.top, result.sum}});
    thread.synchronize();
    const auto of_warp = thread.template load_shared<FloatPair>(index % kWarps * kPairBytes);
    result.top = of_warp.x[0];
    result.sum = of_warp.x[1];
    result.template add_up<kWarps>(thread);
    return result;
  }
};

}  // namespace longspan::gpu
