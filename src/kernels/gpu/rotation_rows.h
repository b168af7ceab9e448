#pragma once

#include "kernels/gpu/attention_problem.h"
#include "kernels/gpu/chunked_rows.h"

/// The turning of pairs of queries and keys.
namespace longspan::gpu {

struct RotationProblem {
  bool is_bfloat16;     ///< else float16
  bool are_neighbours;  ///< pairs (2j, 2j+1); else (j, j + num_pairs)
  int num_sequences, num_positions, num_heads, head_dim;
  int num_pairs;    ///< a multiple of 4; head_dim: of 8
  float direction;  ///< 1, or -1 to turn back
  HeadRows x;
  const float *cos_TF, *sin_TF;
  std::uint16_t* out_BTHK;  ///< contiguous

  /// A thread turns four pairs, or copies eight elements that have none. Must be an int with
  /// kRowThreads added.
  LONGSPAN_HOST_DEVICE std::int64_t num_threads() const {
    return std::int64_t{num_sequences} * num_positions * num_heads * (head_dim / kNeighbours);
  }
  int num_blocks() const {
    return static_cast<int>((num_threads() + kRowThreads - 1) / kRowThreads);
  }
};

/// Grid: num_blocks of kRowThreads.
template <class Element, bool kNeighbourPairs>
struct RotationRows {
  static constexpr int kPairs = 4;
  struct Pairs {
    float first[kPairs], second[kPairs];
  };

  template <class Thread>
  LONGSPAN_DEVICE static void run(Thread& thread, const RotationProblem& p) {
    const int number = thread.block_x() * kRowThreads + thread.index();
    if (number >= p.num_threads()) return;
    const int threads_of_head = p.head_dim / kNeighbours;
    const int head = number / threads_of_head, part = number - head * threads_of_head;
    const int row = head / p.num_heads, sequence = row / p.num_positions;
    const int t = row - sequence * p.num_positions;
    const std::uint16_t* const from = p.x.data + sequence * p.x.batch_stride + t * p.x.row_stride +
                                      (head - row * p.num_heads) * p.head_dim;
    std::uint16_t* const to = p.out_BTHK + std::int64_t{head} * p.head_dim;
    const int turning = p.num_pairs / kPairs;
    if (part >= turning) {
      const int at = 2 * p.num_pairs + (part - turning) * kNeighbours;
      thread.store(reinterpret_cast<Wide*>(to + at),
                   thread.load(reinterpret_cast<const Wide*>(from + at)));
      return;
    }
    Pairs pairs = load(thread, from, part, p.num_pairs);
    const std::int64_t angle = std::int64_t{t} * p.num_pairs + part * kPairs;
    const FloatQuad cosines = thread.load(reinterpret_cast<const FloatQuad*>(p.cos_TF + angle)),
                    sines = thread.load(reinterpret_cast<const FloatQuad*>(p.sin_TF + angle));
    LONGSPAN_UNROLL
    for (int i = 0; i < kPairs; ++i) {
      const float a = pairs.first[i], b = pairs.second[i], sine = sines.x[i] * p.direction;
      pairs.first[i] = a * cosines.x[i] - b * sine;
      pairs.second[i] = b * cosines.x[i] + a * sine;
    }
    store(thread, to, part, p.num_pairs, pairs);
  }

  template <class Thread>
  LONGSPAN_DEVICE static Pairs load(Thread& thread, const std::uint16_t* from, int part,
                                    int num_pairs) {
    Pairs pairs;
    if constexpr (kNeighbourPairs) {
      const Numbers both = load_numbers<Element>(thread, from + part * kNeighbours);
      LONGSPAN_UNROLL
      for (int i = 0; i < kPairs; ++i) {
        pairs.first[i] = both.x[2 * i];
        pairs.second[i] = both.x[2 * i + 1];
      }
    } else {
      load_half(thread, from + part * kPairs, pairs.first);
      load_half(thread, from + num_pairs + part * kPairs, pairs.second);
    }
    return pairs;
  }

  template <class Thread>
  LONGSPAN_DEVICE static void store(Thread& thread, std::uint16_t* to, int part, int num_pairs,
                                    const Pairs& pairs) {
    if constexpr (kNeighbourPairs) {
      Numbers both;
      LONGSPAN_UNROLL
      for (int i = 0; i < kPairs; ++i) {
        both.x[2 * i] = pairs.first[i];
        both.x[2 * i + 1] = pairs.second[i];
      }
      store_numbers<Element>(thread, to + part * kNeighbours, both);
    } else {
      store_half(thread, to + part * kPairs, pairs.first);
      store_half(thread, to + num_pairs + part * kPairs, pairs.second);
    }
  }

  template <class Thread>
  LONGSPAN_DEVICE static void load_half(Thread& thread, const std::uint16_t* from,
                                        float (&half)[kPairs]) {
    const HalfWide wide = thread.load(reinterpret_cast<const HalfWide*>(from));
    LONGSPAN_UNROLL
    for (int i = 0; i < kPairs; ++i)
      half[i] = thread.template unpack<Element>(wide.x[i / 2], i % 2);
  }

  template <class Thread>
  LONGSPAN_DEVICE static void store_half(Thread& thread, std::uint16_t* to,
                                         const float (&half)[kPairs]) {
    const HalfWide wide{{thread.template pack<Element>(half[0], half[1]),
                         thread.template pack<Element>(half[2], half[3])}};
    thread.store(reinterpret_cast<HalfWide*>(to), wide);
  }
};

/// Calls visit(RotationRows<...>{}) with the kernel that a problem asks for.
template <class Visit>
void visit_rotation(const RotationProblem& p, const Visit& visit) {
  visit_element(p.is_bfloat16, [&](auto element) {
    if (p.are_neighbours)
      visit(RotationRows<decltype(element), true>{});
    else
      visit(RotationRows<decltype(element), false>{});
  });
}

}  // namespace longspan::gpu
