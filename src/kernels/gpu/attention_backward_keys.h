#pragma once

#include "kernels/gpu/attention_problem.h"

/// The second kernel of attention's backward pass: a block owns some keys and goes through the
/// queries that see them.
namespace longspan::gpu {

template <class Kind>
struct AttentionBackwardKeys {
  using Element = typename Kind::Element;
  static constexpr int kHeadDim = Kind::kHeadDim;
  /// Queries whose scores are in registers at a time: fewer where the sums of wide heads are, too.
  static constexpr bool kTight = kHeadDim > 64 && Kind::kDrops&& Kind::kByDistance;
  static constexpr int kQueriesAtOnce = kHeadDim <= 64 ? kQueryTile : kTight ? 16 : 32;
  static constexpr int kScoreTiles = kQueriesAtOnce / 8, kOutTiles = kHeadDim / 8;
  static constexpr int kStages = kHeadDim <= 128 ? 2 : 1;
  using QueryTile = Tile<kQueryTile, kHeadDim>;
  using KeyTile = Tile<kKeyTile, kHeadDim>;
  using Bias = TileBias<Kind::kBias, kQueryTile>;
  /// Bytes from lane to lane of the kept keys [8, queries]: eight lanes lie in all banks.
  static constexpr int kKeptStride = kQueryTile + 8;
  static constexpr int kValues = KeyTile::kBytes, kQueries = kValues + KeyTile::kBytes,
                       kOutGradients = kQueries + kStages * QueryTile::kBytes,
                       kRows = kOutGradients + kStages * QueryTile::kBytes,
                       kRowBytes = (Kind::kBounded ? 3 : 2) * kQueryTile * 4,
                       kTable = kRows + 2 * kRowBytes, kKept = kTable + 2 * Bias::kBytes,
                       kKeptBytes = Kind::kDrops ? int(kMaskLanes) * kKeptStride : 0,
                       kSharedBytes = kKept + 2 * kKeptBytes;

  static int num_blocks(int num_keys) { return ceil_tiles(num_keys, kKeyTile); }

  /// Grid: num_blocks, G, B.
  template <class Thread>
  LONGSPAN_DEVICE static void run(Thread& thread, const AttentionProblem& p,
                                  const AttentionGradients& gradients) {
    if constexpr (kHeadDim <= 128) {
      add_all<true, true>(thread, p, gradients);
    } else {  // the sums of both do not fit into registers
      add_all<false, true>(thread, p, gradients);
      thread.synchronize();
      add_all<true, false>(thread, p, gradients);
    }
  }

 private:
  LONGSPAN_DEVICE static int min_of(int a, int b) { return a < b ? a : b; }

  /// Returns the tile of queries behind the last one that has a query that sees a key, found by
  /// halves: what queries see first never falls.
  template <class Thread>
  LONGSPAN_DEVICE static int end_tile(Thread& thread, const AttentionProblem& p, int batch, int key,
                                      int first_tile) {
    int end = ceil_tiles(p.num_queries, kQueryTile);
    if (!Kind::kBounded) return end;
    for (int begin = first_tile + 1; begin < end;) {
      const int middle = (begin + end) / 2;
      if (first_seen_of<Kind>(thread, p, batch, middle * kQueryTile) <= key)
        begin = middle + 1;
      else
        end = middle;
    }
    return end;
  }

  /// Goes once through the queries for the gradients of the keys, of the values, or of both.
  template <bool kOfKeys, bool kOfValues, class Thread>
  LONGSPAN_DEVICE static void add_all(Thread& thread, const AttentionProblem& p,
                                      const AttentionGradients& gradients) {
    const int b = thread.block_z(), group = thread.block_y();
    const int heads = p.num_heads / p.num_kv_heads, first_key = thread.block_x() * kKeyTile;
    const int offset = p.num_keys - p.num_queries;
    const int first_tile = (first_key > offset ? first_key - offset : 0) / kQueryTile;
    const int last_key = min_of(first_key + kKeyTile, p.num_keys) - 1;
    const int tiles = end_tile(thread, p, b, last_key, first_tile) - first_tile,
              rounds = heads * tiles;
    const int warp_row = thread.index() / kWarpSize * 16;
    const KeyTile keys{0}, values{kValues};
    keys.template copy<kThreads>(thread, rows_of(p, p.k, b, group, first_key, p.num_keys));
    values.template copy<kThreads>(thread, rows_of(p, p.v, b, group, first_key, p.num_keys));
    Sums<kOutTiles> d_k, d_v;
    if constexpr (kOfKeys) d_k.clear();
    if constexpr (kOfValues) d_v.clear();
    // The heads of a group, one after the other, and of each the tiles of queries that see the
    // keys.
    const auto place_of = [&](int round) { return HeadPlace(p, b, group * heads + round / tiles); };
    const auto query_of = [&](int round) { return (first_tile + round % tiles) * kQueryTile; };
    copy_round(thread, p, place_of(0), gradients, query_of(0), first_key, 0);
    for (int round = 0; round < rounds; ++round) {
      thread.template wait_copies<0>();
      thread.synchronize();
      const bool more = round + 1 < rounds;
      if (kStages == 2 && more)
        copy_round(thread, p, place_of(round + 1), gradients, query_of(round + 1), first_key,
                   round + 1);
      const HeadPlace place = place_of(round);
      const int first = query_of(round);
      if (first_key + kKeyTile - 1 > place.offset + first || Kind::kBounded)
        add_round<kOfKeys, kOfValues, true>(thread, p, place, first, first_key, warp_row, round,
                                            d_k, d_v);
      else
        add_round<kOfKeys, kOfValues, false>(thread, p, place, first, first_key, warp_row, round,
                                             d_k, d_v);
      if (kStages == 1 && more) {
        thread.synchronize();
        copy_round(thread, p, place_of(round + 1), gradients, query_of(round + 1), first_key,
                   round + 1);
      }
    }
    thread.template wait_copies<0>();
    thread.synchronize();
    const float keep_scale = Kind::kDrops ? p.mask.scale() : 1.0f;
    const float of_keys[2] = {p.scale, p.scale}, of_values[2] = {keep_scale, keep_scale};
    const std::int64_t stride = static_cast<std::int64_t>(p.num_kv_heads) * p.head_dim;
    const std::int64_t start = b * p.num_keys * stride + group * p.head_dim;
    if constexpr (kOfKeys)
      write_rows<Element>(thread, keys, warp_row, d_k, of_keys, gradients.d_k_BSGK + start, stride,
                          first_key + warp_row, p.num_keys, p.head_dim);
    if constexpr (kOfValues)
      write_rows<Element>(thread, values, warp_row, d_v, of_values, gradients.d_v_BSGK + start,
                          stride, first_key + warp_row, p.num_keys, p.head_dim);
  }

  template <class Thread>
  LONGSPAN_DEVICE static void copy_round(Thread& thread, const AttentionProblem& p,
                                         const HeadPlace& place,
                                         const AttentionGradients& gradients, int first,
                                         int first_key, int round) {
    const int stage = kStages == 1 ? 0 : round & 1, buffer = round & 1;
    QueryTile{kQueries + stage * QueryTile::kBytes}.template copy<kThreads>(
        thread, rows_of(p, p.q, place.b, place.h, first, p.num_queries));
    QueryTile{kOutGradients + stage * QueryTile::kBytes}.template copy<kThreads>(
        thread, rows_of(p, gradients.d_out, place.b, place.h, first, p.num_queries));
    thread.commit_copies();
    Bias(thread, p, place.h, kTable)
        .stage(thread, p, place.h, place.offset + first - (first_key + kKeyTile - 1), buffer);
    const int row = thread.index() % kQueryTile;
    const std::int64_t at =
        (static_cast<std::int64_t>(place.b) * p.num_heads + place.h) * p.num_queries + first + row;
    const bool inside = first + row < p.num_queries;
    float value;  // a query that is not there has probabilities of zero
    if (thread.index() < kQueryTile)
      value = inside ? thread.load(gradients.log_sums_BHT + at) * kLog2E : -kMinusInfinity;
    else
      value = inside ? thread.load(gradients.delta_BHT + at) : 0.0f;
    thread.store_shared(kRows + buffer * kRowBytes + thread.index() * 4, value);
    if (Kind::kBounded && thread.index() < kQueryTile)
      thread.store_shared(kRows + buffer * kRowBytes + (2 * kQueryTile + row) * 4,
                          first_seen_of<Kind>(thread, p, place.b, first + row));
    if constexpr (Kind::kDrops) draw(thread, p, place, first, first_key, buffer);
  }

  /// A tile of keys is one chunk of the mask rule: each thread draws two lanes of it for a pair of
  /// queries.
  template <class Thread>
  LONGSPAN_DEVICE static void draw(Thread& thread, const AttentionProblem& p,
                                   const HeadPlace& place, int first, int first_key, int buffer) {
    const int pair = thread.index() % (kQueryTile / 2);
    const std::int64_t ids[2] = {row_id_of(thread, p, place.b, first + 2 * pair),
                                 row_id_of(thread, p, place.b, first + 2 * pair + 1)};
    LONGSPAN_NO_UNROLL
    for (int lane = thread.index() / (kQueryTile / 2); lane < kMaskLanes;
         lane += kThreads / (kQueryTile / 2)) {
      const std::uint32_t low = p.mask.kept(ids[0], place.h, first_key / kKeyTile, lane),
                          high = p.mask.kept(ids[1], place.h, first_key / kKeyTile, lane);
      thread.store_shared(kKept + buffer * kKeptBytes + lane * kKeptStride + 2 * pair,
                          static_cast<std::uint16_t>(low | high << 8));
    }
  }

  /// Adds one tile of queries to the gradients of a warp's 16 keys.
  template <bool kOfKeys, bool kOfValues, bool kPartial, class Thread>
  LONGSPAN_DEVICE static void add_round(Thread& thread, const AttentionProblem& p,
                                        const HeadPlace& place, int first, int first_key,
                                        int warp_row, int round, Sums<kOutTiles>& d_k,
                                        Sums<kOutTiles>& d_v) {
    LONGSPAN_NO_UNROLL
    for (int query = 0; query < kQueryTile; query += kQueriesAtOnce)
      add_queries<kOfKeys, kOfValues, kPartial>(thread, p, place, first, first_key, warp_row, round,
                                                query, d_k, d_v);
  }

  template <bool kOfKeys, bool kOfValues, bool kPartial, class Thread>
  LONGSPAN_DEVICE static void add_queries(Thread& thread, const AttentionProblem& p,
                                          const HeadPlace& place, int first, int first_key,
                                          int warp_row, int round, int query, Sums<kOutTiles>& d_k,
                                          Sums<kOutTiles>& d_v) {
    const int lane = thread.index() % kWarpSize, g = lane / 4, c = lane % 4;
    const int stage = kStages == 1 ? 0 : round & 1, buffer = round & 1;
    const int rows = kRows + buffer * kRowBytes + (query + 2 * c) * 4,
              smallest = place.offset + first - (first_key + kKeyTile - 1);
    const KeyTile keys{0}, values{kValues};
    const QueryTile queries{kQueries + stage * QueryTile::kBytes},
        out_gradients{kOutGradients + stage * QueryTile::kBytes};
    const Bias bias(thread, p, place.h, kTable);
    Sums<kScoreTiles> scores, d_scores;
    multiply_rows<Element>(thread, keys, warp_row, queries, query, scores);
    LONGSPAN_UNROLL
    for (int r = 0; r < 2; ++r) {
      const int difference =
          first_key + warp_row + g + 8 * r - (place.offset + first + query + 2 * c);
      const auto base = bias.base(difference, smallest, buffer);
      LONGSPAN_UNROLL
      for (int n = 0; n < kScoreTiles; ++n) {
        const auto log_sums = thread.template load_shared<FloatPair>(rows + 8 * n * 4);
        const bool hides = kPartial && Kind::kBounded;
        LONGSPAN_UNROLL
        for (int e = 0; e < 2; ++e) {
          const int step = 8 * n + e;
          float& x = scores.x[n][2 * r + e];
          x = thread.exp2(x * (p.scale * kLog2E) + (bias.at(thread, base, -step) - log_sums.x[e]));
          if (kPartial && difference - step > 0) x = 0.0f;
          if (hides && first_key + warp_row + g + 8 * r <
                           thread.template load_shared<int>(rows + (2 * kQueryTile + step) * 4))
            x = 0.0f;
        }
      }
    }
    std::uint32_t kept[2] = {0, 0};  // of each of this thread's keys, a bit for each query
    if constexpr (Kind::kDrops) kept_queries(thread, warp_row, buffer, query, kept);
    if constexpr (kOfValues) {
      LONGSPAN_UNROLL
      for (int step = 0; step < kQueriesAtOnce / 16; ++step) {
        std::uint32_t a[4];
        dropped_as_left(thread, scores, kept, a, step);
        add_mixed_rows<Element>(thread, a, out_gradients, query + 16 * step, d_v);
      }
    }
    if constexpr (kOfKeys) {
      multiply_rows<Element>(thread, values, warp_row, out_gradients, query, d_scores);
      differentiate(thread, p, scores, kept, rows + kQueryTile * 4, d_scores);
      LONGSPAN_UNROLL
      for (int step = 0; step < kQueriesAtOnce / 16; ++step) {
        std::uint32_t a[4];
        d_scores.template as_left<Element>(thread, a, step);
        add_mixed_rows<Element>(thread, a, queries, query + 16 * step, d_k);
      }
    }
  }

  /// Turns the gradients of the dropped probabilities into those of the scores.
  template <class Thread>
  LONGSPAN_DEVICE static void differentiate(Thread& thread, const AttentionProblem& p,
                                            const Sums<kScoreTiles>& scores,
                                            const std::uint32_t (&kept)[2], int deltas,
                                            Sums<kScoreTiles>& d_scores) {
    const float keep_scale = Kind::kDrops ? p.mask.scale() : 1.0f;
    LONGSPAN_UNROLL
    for (int n = 0; n < kScoreTiles; ++n) {
      const auto delta = thread.template load_shared<FloatPair>(deltas + 8 * n * 4);
      LONGSPAN_UNROLL
      for (int r = 0; r < 2; ++r) LONGSPAN_UNROLL
      for (int e = 0; e < 2; ++e) {
        float& x = d_scores.x[n][2 * r + e];
        if constexpr (Kind::kDrops) x = (kept[r] >> (2 * n + e) & 1u) == 0u ? 0.0f : x * keep_scale;
        x = scores.x[n][2 * r + e] * (x - delta.x[e]);
      }
    }
  }

  template <class Thread>
  LONGSPAN_DEVICE static void kept_queries(Thread& thread, int warp_row, int buffer, int query,
                                           std::uint32_t (&kept)[2]) {
    const int lane = thread.index() % kWarpSize, g = lane / 4, c = lane % 4;
    const int piece = warp_row / 8;  // this thread's keys are two pieces of lane g
    LONGSPAN_UNROLL
    for (int n = 0; n < kScoreTiles; ++n) {
      const std::uint32_t pair = thread.template load_shared<std::uint16_t>(
          kKept + buffer * kKeptBytes + g * kKeptStride + query + 8 * n + 2 * c);
      LONGSPAN_UNROLL
      for (int e = 0; e < 2; ++e) LONGSPAN_UNROLL
      for (int r = 0; r < 2; ++r) kept[r] |= (pair >> (8 * e + piece + r) & 1u) << (2 * n + e);
    }
  }

  /// Sums::as_left of what is kept of the probabilities.
  template <class Thread>
  LONGSPAN_DEVICE static void dropped_as_left(Thread& thread, const Sums<kScoreTiles>& scores,
                                              const std::uint32_t (&kept)[2], std::uint32_t (&a)[4],
                                              int step) {
    scores.template as_left<Element>(thread, a, step);
    if constexpr (Kind::kDrops) {
      LONGSPAN_UNROLL
      for (int i = 0; i < 4; ++i) {
        const std::uint32_t pair = kept[i % 2] >> (2 * (2 * step + i / 2));
        a[i] &= ((pair & 1u) * 0xffffu) | ((pair >> 1 & 1u) * 0xffff0000u);
      }
    }
  }
};

}  // namespace longspan::gpu
