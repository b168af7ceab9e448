#pragma once

#include "kernels/gpu/attention_problem.h"

/// The first of two kernels of attention's backward pass: each sum has one owner and one order, so
/// a kernel gives the gradients of queries and biases, another those of keys and values. Both form
/// the probabilities again from the kept log-sums.
namespace longspan::gpu {

template <class Kind>
struct AttentionBackwardQueries {
  using Element = typename Kind::Element;
  static constexpr int kHeadDim = Kind::kHeadDim;
  static constexpr int kScoreTiles = kKeyTile / 8, kOutTiles = kHeadDim / 8;
  static constexpr int kStages = kHeadDim <= 128 ? 2 : 1;  ///< tiles of keys in shared memory
  static constexpr bool kByDistance = Kind::kByDistance;
  using QueryTile = Tile<kQueryTile, kHeadDim>;
  using KeyTile = Tile<kKeyTile, kHeadDim>;
  using Bias = TileBias<Kind::kBias, kQueryTile>;
  /// Floats from row to row of the staged score gradients: pairs of four rows lie in all banks.
  static constexpr int kStagedStride = kKeyTile + 8;
  static constexpr int kDistances = kQueryTile + kKeyTile - 1;
  static constexpr int kOutGradients = QueryTile::kBytes, kKeys = kOutGradients + QueryTile::kBytes,
                       kValues = kKeys + kStages * KeyTile::kBytes,
                       kTable = kValues + kStages * KeyTile::kBytes,
                       kStaged = kTable + 2 * Bias::kBytes,
                       kCarried = kStaged + (kByDistance ? kQueryTile * kStagedStride * 4 : 0),
                       kSharedBytes = kCarried + (kByDistance ? 2 * kKeyTile * 4 : 0);

  static int num_blocks(int num_queries) { return ceil_tiles(num_queries, kQueryTile); }

  struct Rows {
    float delta[2], log_sum[2];  ///< log2
    std::int64_t row_id[2];
  };

  /// Grid: num_blocks, H, B.
  template <class Thread>
  LONGSPAN_DEVICE static void run(Thread& thread, const AttentionProblem& p,
                                  const AttentionGradients& gradients) {
    const HeadPlace place(p, thread.block_z(), thread.block_y());
    const int query_tile = ceil_tiles(p.num_queries, kQueryTile) - 1 - thread.block_x();
    const int first = query_tile * kQueryTile;
    const int warp_row = thread.index() / kWarpSize * 16;
    const int last_query =
        (first + kQueryTile < p.num_queries ? first + kQueryTile : p.num_queries) - 1;
    const int num_tiles = (place.offset + last_query) / kKeyTile + 1;
    const int first_tile = first_seen_of<Kind>(thread, p, place.b, first) / kKeyTile;
    const QueryTile queries{0}, out_gradients{kOutGradients};
    const Bias bias(thread, p, place.h, kTable);
    float* const d_bias = kByDistance && gradients.d_bias_BHTN != nullptr
                              ? gradients.d_bias_BHTN +
                                    ((static_cast<std::int64_t>(place.b) * p.num_heads + place.h) *
                                         ceil_tiles(p.num_queries, kQueryTile) +
                                     query_tile) *
                                        p.num_keys
                              : nullptr;

    queries.template copy<kThreads>(thread,
                                    rows_of(p, p.q, place.b, place.h, first, p.num_queries));
    out_gradients.template copy<kThreads>(
        thread, rows_of(p, gradients.d_out, place.b, place.h, first, p.num_queries));
    copy_tile(thread, p, place, bias, first, first_tile);
    const Rows rows = load_rows(thread, p, place, first + warp_row, gradients);
    Sums<kOutTiles> d_q;
    d_q.clear();
    for (int tile = first_tile; tile < num_tiles; ++tile) {
      thread.template wait_copies<0>();
      thread.synchronize();
      if (kStages == 2 && tile + 1 < num_tiles) copy_tile(thread, p, place, bias, first, tile + 1);
      const KeyTile keys{kKeys + tile % kStages * KeyTile::kBytes},
          values{kValues + tile % kStages * KeyTile::kBytes};
      Sums<kScoreTiles> d_scores;
      const bool partial =
          tile * kKeyTile + kKeyTile - 1 > place.offset + first + warp_row || Kind::kBounded;
      if (partial)
        differentiate<true>(thread, p, place, bias, rows, queries, out_gradients, keys, values,
                            first, warp_row, tile, d_scores);
      else
        differentiate<false>(thread, p, place, bias, rows, queries, out_gradients, keys, values,
                             first, warp_row, tile, d_scores);
      LONGSPAN_UNROLL
      for (int step = 0; step < kKeyTile / 16; ++step) {
        std::uint32_t a[4];
        d_scores.template as_left<Element>(thread, a, step);
        add_mixed_rows<Element>(thread, a, keys, 16 * step, d_q);
      }
      if (kByDistance && d_bias != nullptr)
        sum_diagonals(thread, p, d_scores, warp_row, tile,
                      place.offset + first - (tile * kKeyTile + kKeyTile - 1), tile == first_tile,
                      tile + 1 == num_tiles, d_bias);
      if (kStages == 1 && tile + 1 < num_tiles) {
        thread.synchronize();
        copy_tile(thread, p, place, bias, first, tile + 1);
      }
    }
    thread.synchronize();
    const float factor[2] = {p.scale, p.scale};
    write_rows<Element>(
        thread, queries, warp_row, d_q, factor,
        gradients.d_q_BTHK +
            (static_cast<std::int64_t>(place.b) * p.num_queries * p.num_heads + place.h) *
                p.head_dim,
        static_cast<std::int64_t>(p.num_heads) * p.head_dim, first + warp_row, p.num_queries,
        p.head_dim);
  }

 private:
  template <class Thread>
  LONGSPAN_DEVICE static void copy_tile(Thread& thread, const AttentionProblem& p,
                                        const HeadPlace& place, const Bias& bias, int first,
                                        int tile) {
    const int stage = tile % kStages, first_key = tile * kKeyTile;
    KeyTile{kKeys + stage * KeyTile::kBytes}.template copy<kThreads>(
        thread, rows_of(p, p.k, place.b, place.g, first_key, p.num_keys));
    KeyTile{kValues + stage * KeyTile::kBytes}.template copy<kThreads>(
        thread, rows_of(p, p.v, place.b, place.g, first_key, p.num_keys));
    thread.commit_copies();
    bias.stage(thread, p, place.h, place.offset + first - (first_key + kKeyTile - 1), tile % 2);
  }

  template <class Thread>
  LONGSPAN_DEVICE static Rows load_rows(Thread& thread, const AttentionProblem& p,
                                        const HeadPlace& place, int warp_first,
                                        const AttentionGradients& gradients) {
    const int lane = thread.index() % kWarpSize, g = lane / 4, c = lane % 4;
    Rows rows;
    LONGSPAN_UNROLL
    for (int r = 0; r < 2; ++r) {
      const int query = warp_first + g + 8 * r;
      const bool inside = query < p.num_queries;
      const std::int64_t at =
          (static_cast<std::int64_t>(place.b) * p.num_heads + place.h) * p.num_queries + query;
      float delta = 0.0f;
      for (int chunk = c; inside && chunk * kChunkElements < p.head_dim; chunk += 4)
        delta += chunk_product(thread, chunk_at(p, gradients.out, place, query, chunk),
                               chunk_at(p, gradients.d_out, place, query, chunk));
      LONGSPAN_UNROLL
      for (int mask = 1; mask < 4; mask *= 2) delta += thread.shuffle_xor(delta, mask);
      if (inside && c == 0) thread.store(gradients.delta_BHT + at, delta);
      rows.delta[r] = delta;
      rows.log_sum[r] = inside ? thread.load(gradients.log_sums_BHT + at) * kLog2E : 0.0f;
      if constexpr (Kind::kDrops) rows.row_id[r] = row_id_of(thread, p, place.b, query);
    }
    return rows;
  }

  LONGSPAN_DEVICE static const Wide* chunk_at(const AttentionProblem& p, const HeadRows& of,
                                              const HeadPlace& place, int query, int chunk) {
    return reinterpret_cast<const Wide*>(of.data + place.b * of.batch_stride +
                                         query * of.row_stride + place.h * p.head_dim +
                                         chunk * kChunkElements);
  }

  template <class Thread>
  LONGSPAN_DEVICE static float chunk_product(Thread& thread, const Wide* a, const Wide* b) {
    const Wide x = thread.load(a), y = thread.load(b);
    float sum = 0.0f;
    LONGSPAN_UNROLL
    for (int i = 0; i < 4; ++i) LONGSPAN_UNROLL
    for (int e = 0; e < 2; ++e)
      sum +=
          thread.template unpack<Element>(x.x[i], e) * thread.template unpack<Element>(y.x[i], e);
    return sum;
  }

  /// Gives the gradient of a tile's scores with their biases.
  template <bool kPartial, class Thread>
  LONGSPAN_DEVICE static void differentiate(Thread& thread, const AttentionProblem& p,
                                            const HeadPlace& place, const Bias& bias,
                                            const Rows& rows, const QueryTile& queries,
                                            const QueryTile& out_gradients, const KeyTile& keys,
                                            const KeyTile& values, int first, int warp_row,
                                            int tile, Sums<kScoreTiles>& d_scores) {
    const int lane = thread.index() % kWarpSize, g = lane / 4, c = lane % 4;
    const int smallest = place.offset + first - (tile * kKeyTile + kKeyTile - 1);
    std::uint32_t kept = 0;  // a byte for each row and column parity, as in the forward pass
    if constexpr (Kind::kDrops) {
      LONGSPAN_UNROLL
      for (int i = 0; i < 4; ++i)
        kept |= p.mask.kept(rows.row_id[i / 2], place.h, tile, 2 * c + i % 2) << (8 * i);
    }
    Sums<kScoreTiles> scores;
    multiply_rows<Element>(thread, queries, warp_row, keys, 0, scores);
    LONGSPAN_UNROLL
    for (int r = 0; r < 2; ++r) {
      const int difference =
          tile * kKeyTile + 2 * c - (place.offset + first + warp_row + g + 8 * r);
      const auto base = bias.base(difference, smallest, tile % 2);
      const int first_step =
          kPartial ? first_seen_of<Kind>(thread, p, place.b, first + warp_row + g + 8 * r) -
                         (tile * kKeyTile + 2 * c)
                   : 0;
      LONGSPAN_UNROLL
      for (int n = 0; n < kScoreTiles; ++n) LONGSPAN_UNROLL
      for (int e = 0; e < 2; ++e) {
        const int step = 8 * n + e;
        float& x = scores.x[n][2 * r + e];
        x = thread.exp2(x * (p.scale * kLog2E) + (bias.at(thread, base, step) - rows.log_sum[r]));
        if (kPartial && (difference + step > 0 || (Kind::kBounded && step < first_step))) x = 0.0f;
      }
    }
    multiply_rows<Element>(thread, out_gradients, warp_row, values, 0, d_scores);
    const float keep_scale = Kind::kDrops ? p.mask.scale() : 1.0f;
    LONGSPAN_UNROLL
    for (int n = 0; n < kScoreTiles; ++n) LONGSPAN_UNROLL
    for (int e = 0; e < 4; ++e) {
      float& x = d_scores.x[n][e];
      if constexpr (Kind::kDrops) x = (kept >> (8 * e + n) & 1u) == 0u ? 0.0f : x * keep_scale;
      x = scores.x[n][e] * (x - rows.delta[e / 2]);
    }
  }

  /// Adds up a tile's score gradients by distance, a thread each, in the order of the queries. The
  /// smaller half of the distances of a tile are the larger half of the next: they are carried
  /// there, so that each is written once.
  template <class Thread>
  LONGSPAN_DEVICE static void sum_diagonals(Thread& thread, const AttentionProblem& p,
                                            const Sums<kScoreTiles>& d_scores, int warp_row,
                                            int tile, int smallest, bool is_first, bool last,
                                            float* d_bias) {
    const int lane = thread.index() % kWarpSize, g = lane / 4, c = lane % 4;
    LONGSPAN_UNROLL
    for (int n = 0; n < kScoreTiles; ++n) LONGSPAN_UNROLL
    for (int r = 0; r < 2; ++r)
      thread.store_shared(kStaged + ((warp_row + g + 8 * r) * kStagedStride + 8 * n + 2 * c) * 4,
                          FloatPair{{d_scores.x[n][2 * r], d_scores.x[n][2 * r + 1]}});
    thread.synchronize();
    const int number = thread.index(), distance = smallest + number;
    float sum = 0.0f;
    for (int row = 0; row < kQueryTile; ++row) {
      const int key = row + kKeyTile - 1 - number;
      if (key >= 0 && key < kKeyTile)
        sum += thread.template load_shared<float>(kStaged + (row * kStagedStride + key) * 4);
    }
    const int carried = kCarried + tile % 2 * kKeyTile * 4,
              before = kCarried + (tile + 1) % 2 * kKeyTile * 4;
    const bool smaller = number < kKeyTile - 1;
    if (smaller && !last) thread.store_shared(carried + number * 4, sum);
    if (number > kKeyTile - 1 && number < kDistances && !is_first)
      sum += thread.template load_shared<float>(before + (number - kKeyTile) * 4);
    if ((!smaller || last) && number < kDistances && distance >= 0 && distance < p.num_keys)
      thread.store(d_bias + distance, sum);
  }
};

}  // namespace longspan::gpu
