#pragma once

#include "kernels/gpu/attention_problem.h"

/// Causal attention in tiles of keys with a running softmax (after FlashAttention-2,
/// arXiv:2307.08691): a block takes some queries of one head; each warp has rows of its own.
namespace longspan::gpu {

template <class Kind>
struct AttentionForward {
  using Element = typename Kind::Element;
  static constexpr int kHeadDim = Kind::kHeadDim;
  /// Tiles of 16 rows a warp: two read each key once for twice the work, where registers suffice.
  static constexpr int kRowTiles = kHeadDim <= (Kind::kBounded ? 32 : 64) ? 2 : 1;
  static constexpr int kWarpRows = 16 * kRowTiles, kRows = kWarps * kWarpRows;
  static constexpr int kScoreTiles = kKeyTile / 8, kOutTiles = kHeadDim / 8;
  using QueryTile = Tile<kRows, kHeadDim>;
  using KeyTile = Tile<kKeyTile, kHeadDim>;
  using Bias = TileBias<Kind::kBias, kRows>;
  static constexpr int kKeys = QueryTile::kBytes, kValues = kKeys + KeyTile::kBytes,
                       kTable = kValues + KeyTile::kBytes, kSharedBytes = kTable + Bias::kBytes;

  static int num_blocks(int num_queries) { return ceil_tiles(num_queries, kRows); }

  struct State {
    Sums<kOutTiles> out[kRowTiles];
    float top[kRowTiles][2], sum[kRowTiles][2];
    std::int64_t row_id[kRowTiles][2];
    std::uint32_t
        kept[kRowTiles];  ///< this tile's kept keys: a byte for each row and column parity
  };

  /// Grid: num_blocks, H, B.
  template <class Thread>
  LONGSPAN_DEVICE static void run(Thread& thread, const AttentionProblem& p,
                                  const AttentionOutputs& outputs) {
    const HeadPlace place(p, thread.block_z(), thread.block_y());
    // Later queries have more keys: they start first, so that the last blocks to end are short.
    const int first = (ceil_tiles(p.num_queries, kRows) - 1 - thread.block_x()) * kRows;
    const int warp_row = thread.index() / kWarpSize * kWarpRows;
    const int last_query = min_of(first + kRows, p.num_queries) - 1;
    const int num_tiles = (place.offset + last_query) / kKeyTile + 1;
    const int first_tile = first_seen_of<Kind>(thread, p, place.b, first) / kKeyTile;
    const QueryTile queries{0};
    const KeyTile keys{kKeys}, values{kValues};
    const Bias bias(thread, p, place.h, kTable);
    State state;
    begin(thread, p, place, first + warp_row, state);

    queries.template copy<kThreads>(thread,
                                    rows_of(p, p.q, place.b, place.h, first, p.num_queries));
    keys.template copy<kThreads>(
        thread, rows_of(p, p.k, place.b, place.g, first_tile * kKeyTile, p.num_keys));
    thread.commit_copies();
    for (int tile = first_tile; tile < num_tiles; ++tile) {
      const int first_key = tile * kKeyTile;
      const int smallest = place.offset + first - (first_key + kKeyTile - 1);
      thread.template wait_copies<0>();
      thread.synchronize();
      values.template copy<kThreads>(thread,
                                     rows_of(p, p.v, place.b, place.g, first_key, p.num_keys));
      thread.commit_copies();
      bias.stage(thread, p, place.h, smallest, 0);
      const bool reaches = first_key <= place.offset + first + warp_row + kWarpRows - 1;
      Sums<kScoreTiles> scores[kRowTiles];
      if (reaches) {
        if constexpr (Kind::kDrops) draw(thread, p, place, tile, state);
        score(thread, queries, warp_row, keys, scores);
      }
      thread.template wait_copies<0>();
      thread.synchronize();
      if (tile + 1 < num_tiles)
        keys.template copy<kThreads>(
            thread, rows_of(p, p.k, place.b, place.g, first_key + kKeyTile, p.num_keys));
      thread.commit_copies();
      if (!reaches) continue;
      const bool partial =
          first_key + kKeyTile - 1 > place.offset + first + warp_row || Kind::kBounded;
      if (partial)
        softmax<true>(thread, p, place, bias, first + warp_row, tile, smallest, scores, state);
      else
        softmax<false>(thread, p, place, bias, first + warp_row, tile, smallest, scores, state);
      mix(thread, values, scores, state);
    }
    finish(thread, p, place, queries, first, warp_row, outputs, state);
  }

 private:
  LONGSPAN_DEVICE static int min_of(int a, int b) { return a < b ? a : b; }

  template <class Thread>
  LONGSPAN_DEVICE static void begin(Thread& thread, const AttentionProblem& p,
                                    const HeadPlace& place, int warp_first, State& state) {
    const int g = thread.index() % kWarpSize / 4;
    LONGSPAN_UNROLL
    for (int i = 0; i < kRowTiles; ++i) {
      state.out[i].clear();
      LONGSPAN_UNROLL
      for (int r = 0; r < 2; ++r) {
        state.top[i][r] = kMinusInfinity;
        state.sum[i][r] = 0.0f;
        if (Kind::kDrops)
          state.row_id[i][r] = row_id_of(thread, p, place.b, warp_first + 16 * i + g + 8 * r);
      }
    }
  }

  /// A tile of keys is one chunk of the mask rule: this thread's columns are its lanes 2c and
  /// 2c + 1, and column tile n is its piece n.
  template <class Thread>
  LONGSPAN_DEVICE static void draw(Thread& thread, const AttentionProblem& p,
                                   const HeadPlace& place, int tile, State& state) {
    const int c = thread.index() % 4;
    LONGSPAN_UNROLL
    for (int i = 0; i < kRowTiles; ++i) {
      state.kept[i] = 0;
      LONGSPAN_UNROLL
      for (int r = 0; r < 2; ++r) LONGSPAN_UNROLL
      for (int e = 0; e < 2; ++e)
        state.kept[i] |= p.mask.kept(state.row_id[i][r], place.h, tile, 2 * c + e)
                         << (16 * r + 8 * e);
    }
  }

  template <class Thread>
  LONGSPAN_DEVICE static void score(Thread& thread, const QueryTile& queries, int warp_row,
                                    const KeyTile& keys, Sums<kScoreTiles> (&scores)[kRowTiles]) {
    LONGSPAN_UNROLL
    for (int i = 0; i < kRowTiles; ++i) scores[i].clear();
    LONGSPAN_UNROLL
    for (int step = 0; step < kHeadDim / 16; ++step) {
      std::uint32_t a[kRowTiles][4];
      LONGSPAN_UNROLL
      for (int i = 0; i < kRowTiles; ++i) queries.left(thread, a[i], warp_row + 16 * i, step);
      LONGSPAN_UNROLL
      for (int pair = 0; pair < kScoreTiles / 2; ++pair) {
        std::uint32_t b[4];
        keys.right(thread, b, 16 * pair, step);
        LONGSPAN_UNROLL
        for (int i = 0; i < kRowTiles; ++i)
          scores[i].template add_product<Element>(thread, pair, a[i], b);
      }
    }
  }

  /// Turns a tile's products into dropped exponentials, and what was summed before into the same
  /// units.
  template <bool kPartial, class Thread>
  LONGSPAN_DEVICE static void softmax(Thread& thread, const AttentionProblem& p,
                                      const HeadPlace& place, const Bias& bias, int warp_first,
                                      int tile, int smallest,
                                      Sums<kScoreTiles> (&scores)[kRowTiles], State& state) {
    const int lane = thread.index() % kWarpSize, g = lane / 4, c = lane % 4;
    const float scale = p.scale * kLog2E;
    LONGSPAN_UNROLL
    for (int i = 0; i < kRowTiles; ++i) LONGSPAN_UNROLL
    for (int r = 0; r < 2; ++r) {
      const int position = place.offset + warp_first + 16 * i + g + 8 * r;
      const int difference = tile * kKeyTile + 2 * c - position;
      const auto base = bias.base(difference, smallest, 0);
      const int first_step = Kind::kBounded ? first_seen_of<Kind>(thread, p, place.b,
                                                                  warp_first + 16 * i + g + 8 * r) -
                                                  (tile * kKeyTile + 2 * c)
                                            : 0;
      float top = state.top[i][r];
      LONGSPAN_UNROLL
      for (int n = 0; n < kScoreTiles; ++n) LONGSPAN_UNROLL
      for (int e = 0; e < 2; ++e) {
        float& x = scores[i].x[n][2 * r + e];
        const int step = 8 * n + e;
        x = x * scale + bias.at(thread, base, step);
        if (kPartial && (difference + step > 0 || (Kind::kBounded && step < first_step)))
          x = kMinusInfinity;
        top = x > top ? x : top;
      }
      LONGSPAN_UNROLL
      for (int mask = 1; mask < 4; mask *= 2) {
        const float other = thread.shuffle_xor(top, mask);
        top = other > top ? other : top;
      }
      const float back = thread.exp2(state.top[i][r] - top);
      float sum = 0.0f;
      LONGSPAN_UNROLL
      for (int n = 0; n < kScoreTiles; ++n) LONGSPAN_UNROLL
      for (int e = 0; e < 2; ++e) {
        float& x = scores[i].x[n][2 * r + e];
        x = thread.exp2(x - top);
        sum += x;
      }
      state.top[i][r] = top;
      state.sum[i][r] = state.sum[i][r] * back + sum;
      LONGSPAN_UNROLL
      for (int n = 0; n < kOutTiles; ++n) LONGSPAN_UNROLL
      for (int e = 0; e < 2; ++e) state.out[i].x[n][2 * r + e] *= back;
      if constexpr (Kind::kDrops) {
        LONGSPAN_UNROLL
        for (int n = 0; n < kScoreTiles; ++n) LONGSPAN_UNROLL
        for (int e = 0; e < 2; ++e)
          if ((state.kept[i] >> (16 * r + 8 * e + n) & 1u) == 0u) scores[i].x[n][2 * r + e] = 0.0f;
      }
    }
  }

  template <class Thread>
  LONGSPAN_DEVICE static void mix(Thread& thread, const KeyTile& values,
                                  const Sums<kScoreTiles> (&scores)[kRowTiles], State& state) {
    LONGSPAN_UNROLL
    for (int step = 0; step < kKeyTile / 16; ++step) {
      std::uint32_t a[kRowTiles][4];
      LONGSPAN_UNROLL
      for (int i = 0; i < kRowTiles; ++i) scores[i].template as_left<Element>(thread, a[i], step);
      LONGSPAN_UNROLL
      for (int pair = 0; pair < kOutTiles / 2; ++pair) {
        std::uint32_t b[4];
        values.right_by_rows(thread, b, 16 * step, pair);
        LONGSPAN_UNROLL
        for (int i = 0; i < kRowTiles; ++i)
          state.out[i].template add_product<Element>(thread, pair, a[i], b);
      }
    }
  }

  template <class Thread>
  LONGSPAN_DEVICE static void finish(Thread& thread, const AttentionProblem& p,
                                     const HeadPlace& place, const QueryTile& queries, int first,
                                     int warp_row, const AttentionOutputs& outputs,
                                     const State& state) {
    const int lane = thread.index() % kWarpSize, g = lane / 4, c = lane % 4;
    const float keep_scale = Kind::kDrops ? p.mask.scale() : 1.0f;
    std::uint16_t* const out =
        outputs.out_BTHK +
        (static_cast<std::int64_t>(place.b) * p.num_queries * p.num_heads + place.h) * p.head_dim;
    LONGSPAN_UNROLL
    for (int i = 0; i < kRowTiles; ++i) {
      float factor[2];
      LONGSPAN_UNROLL
      for (int r = 0; r < 2; ++r) {
        float sum = state.sum[i][r];
        LONGSPAN_UNROLL
        for (int mask = 1; mask < 4; mask *= 2) sum += thread.shuffle_xor(sum, mask);
        factor[r] = keep_scale / sum;
        const int query = first + warp_row + 16 * i + g + 8 * r;
        if (c == 0 && query < p.num_queries)
          thread.store(
              outputs.log_sums_BHT +
                  (static_cast<std::int64_t>(place.b) * p.num_heads + place.h) * p.num_queries +
                  query,
              (state.top[i][r] + thread.log2(sum)) * kLn2);
      }
      write_rows<Element>(thread, queries, warp_row + 16 * i, state.out[i], factor, out,
                          static_cast<std::int64_t>(p.num_heads) * p.head_dim,
                          first + warp_row + 16 * i, p.num_queries, p.head_dim);
    }
  }
};

}  // namespace longspan::gpu
