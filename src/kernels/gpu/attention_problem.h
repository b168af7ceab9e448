#pragma once

#include "kernels/gpu/mask.h"
#include "kernels/gpu/tile.h"

/// What the attention kernels share. Scores are kept times log2(e), so that the exponential is the
/// hardware's exp2.
namespace longspan::gpu {

inline constexpr int kWarps = 4, kThreads = kWarps * kWarpSize;
inline constexpr int kKeyTile = 64;    ///< keys a block takes at once: one chunk of the mask rule
inline constexpr int kQueryTile = 64;  ///< queries, in the backward pass
inline constexpr float kLog2E = 1.4426950408889634f, kLn2 = 0.6931471805599453f;
inline constexpr float kMinusInfinity = -1e30f;  ///< its differences are no NaN

/// Linear: slope * (j - i), with slopes of zero for no bias. Distance: a table of i - j. Bounded:
/// the same, where each query sees keys from a first one of its own on; kernels of their own, since
/// what that takes would have the others spill registers.
enum class BiasKind { Linear, Distance, Bounded };

/// A tensor [B, T, heads, K] whose last two sides are contiguous.
struct HeadRows {
  const std::uint16_t* data;
  std::int64_t batch_stride, row_stride;  ///< elements
};

struct AttentionProblem {
  int num_sequences, num_queries, num_keys, num_heads, num_kv_heads;
  int head_dim;  ///< a multiple of 8
  float scale;
  HeadRows q, k, v;
  const float* slopes_H;           ///< Linear
  const float* bias_HN;            ///< Distance
  std::int64_t bias_stride;        ///< N >= num_keys
  const std::int64_t* row_ids_BT;  ///< with dropout
  MaskRule mask;
  const std::int32_t* first_seen_BT;  ///< Bounded: the first key that each query sees
};

struct AttentionOutputs {
  std::uint16_t* out_BTHK;  ///< contiguous
  float* log_sums_BHT;      ///< of the scores with their biases, natural
};

struct AttentionGradients {
  HeadRows out, d_out;  ///< [B, T, H, K]
  const float* log_sums_BHT;
  float* delta_BHT;         ///< sum over K of out * d_out: the first kernel's, for the second
  std::uint16_t* d_q_BTHK;  ///< contiguous, as the next two
  std::uint16_t *d_k_BSGK, *d_v_BSGK;
  /// Null where no bias trains. The gradient of the biases from each tile of queries [B, H, tiles,
  /// S], of which a tile writes the distances that it has.
  float* d_bias_BHTN;
};

/// What a compiled kernel is for.
template <class ElementType, int kMaxHeadDim, BiasKind kBiasKind, bool kWithDropout>
struct AttentionKind {
  using Element = ElementType;
  static constexpr int kHeadDim = kMaxHeadDim;
  static constexpr BiasKind kBias = kBiasKind;
  static constexpr bool kByDistance = kBiasKind != BiasKind::Linear;
  static constexpr bool kBounded = kBiasKind == BiasKind::Bounded;
  static constexpr bool kDrops = kWithDropout;
};

/// One head of one sequence as a block sees it.
struct HeadPlace {
  int b, h, g;
  int offset;  ///< position of query 0

  LONGSPAN_DEVICE HeadPlace(const AttentionProblem& p, int batch, int head)
      : b(batch),
        h(head),
        g(head / (p.num_heads / p.num_kv_heads)),
        offset(p.num_keys - p.num_queries) {}
};

LONGSPAN_DEVICE RowRange rows_of(const AttentionProblem& p, const HeadRows& of, int batch, int head,
                                 int first, int limit) {
  return {of.data + batch * of.batch_stride + static_cast<std::int64_t>(head) * p.head_dim,
          of.row_stride, first, limit, p.head_dim};
}

template <class Thread>
LONGSPAN_DEVICE std::int64_t row_id_of(Thread& thread, const AttentionProblem& p, int batch,
                                       int query) {
  return query < p.num_queries
             ? thread.load(p.row_ids_BT + static_cast<std::int64_t>(batch) * p.num_queries + query)
             : 0;
}

/// The first key that a query sees; of a query that is not there, of the last one.
template <class Kind, class Thread>
LONGSPAN_DEVICE int first_seen_of(Thread& thread, const AttentionProblem& p, int batch, int query) {
  if (!Kind::kBounded) return 0;
  const int inside = query < p.num_queries ? query : p.num_queries - 1;
  return thread.load(p.first_seen_BT + static_cast<std::int64_t>(batch) * p.num_queries + inside);
}

/// The bias of a tile's scores. base() is asked once a row or column, at() for each score, `step`
/// keys further on.
template <BiasKind kKind, int kRows>
struct TileBias;

template <int kRows>
struct TileBias<BiasKind::Linear, kRows> {
  static constexpr int kBytes = 0;
  using Base = float;
  float slope;

  template <class Thread>
  LONGSPAN_DEVICE TileBias(Thread& thread, const AttentionProblem& p, int head, int)
      : slope(thread.load(p.slopes_H + head) * kLog2E) {}
  template <class Thread>
  LONGSPAN_DEVICE void stage(Thread&, const AttentionProblem&, int, int, int) const {}
  /// @param difference key - position of the query
  LONGSPAN_DEVICE Base base(int difference, int, int) const {
    return slope * static_cast<float>(difference);
  }
  template <class Thread>
  LONGSPAN_DEVICE float at(Thread&, Base base, int step) const {
    return base + slope * static_cast<float>(step);
  }
};

/// Keeps the biases of a tile's distances in shared memory.
template <int kRows>
struct DistanceTileBias {
  static constexpr int kEntries = kRows + kKeyTile - 1;
  static constexpr int kBytes = (kEntries + 1) * 4;
  using Base = int;
  int table;

  template <class Thread>
  LONGSPAN_DEVICE DistanceTileBias(Thread&, const AttentionProblem&, int, int shared_base)
      : table(shared_base) {}
  /// Puts the biases of distances [smallest, + kEntries) into one of two buffers.
  template <class Thread>
  LONGSPAN_DEVICE void stage(Thread& thread, const AttentionProblem& p, int head, int smallest,
                             int buffer) const {
    for (int i = thread.index(); i < kEntries; i += kThreads) {
      const int distance = smallest + i;
      const bool inside = distance >= 0 && distance < p.num_keys;
      const float bias = inside ? thread.load(p.bias_HN + head * p.bias_stride + distance) : 0.0f;
      thread.store_shared(table + buffer * kBytes + 4 * i, bias * kLog2E);
    }
  }
  LONGSPAN_DEVICE Base base(int difference, int smallest, int buffer) const {
    return table + buffer * kBytes - 4 * (difference + smallest);
  }
  template <class Thread>
  LONGSPAN_DEVICE float at(Thread& thread, Base base, int step) const {
    return thread.template load_shared<float>(base - 4 * step);
  }
};

template <int kRows>
struct TileBias<BiasKind::Distance, kRows> : DistanceTileBias<kRows> {
  using DistanceTileBias<kRows>::DistanceTileBias;
};
template <int kRows>
struct TileBias<BiasKind::Bounded, kRows> : DistanceTileBias<kRows> {
  using DistanceTileBias<kRows>::DistanceTileBias;
};

}  // namespace longspan::gpu
