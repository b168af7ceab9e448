#pragma once

#include "kernels/gpu/mask_row.h"
#include "kernels/gpu/tile.h"

/// sum = x + dropout(branch) and its normalisation, row by row: a block takes a row, a thread up to
/// kItems groups of 8 neighbouring elements of it.
namespace longspan::gpu {

struct ResidualNormProblem {
  int num_rows, width;                    ///< width a multiple of 8, up to kWidestRow
  const std::uint16_t *x_ND, *branch_ND;  ///< x null: zeros; branch null: none
  const float *weight_D, *bias_D;         ///< bias null: none
  float eps;
  bool centred;                   ///< layer norm; else by the root mean square
  const std::int64_t* row_ids_N;  ///< with dropout
  MaskRule mask;
};

struct ResidualNormOutputs {
  std::uint16_t *sum_ND, *normed_ND;  ///< sum null: there is no branch; normed null: not wanted
  float *mean_N, *inverse_N;          ///< of each row: its mean and 1 / deviation
};

struct ResidualNormGradients {
  const std::uint16_t* sum_ND;
  const float *mean_N, *inverse_N;
  const std::uint16_t *d_sum_ND, *d_normed_ND;  ///< null: zeros
  std::uint16_t *d_x_ND, *d_branch_ND;          ///< d_branch null: as d_x
  float* d_weights_P2D;  ///< of each block: the weight's and the bias's; null without a norm
};

inline constexpr int kItems = 4;
inline constexpr int kWarpElements = kWarpSize * kItems * kNeighbours;
inline constexpr int kWidestRow = 32 * kWarpElements;

/// Blocks of the backward pass: each adds up the gradients of the weights over its rows.
inline int num_parts(int num_rows) { return num_rows < 512 ? num_rows : 512; }

template <class ElementType, bool kWithDropout>
struct ResidualNorm {
  using Element = ElementType;
  static constexpr int kSharedBytes = 2 * kWarpSize * 4;  ///< two sums of each warp

  static int num_warps(int width) { return ceil_tiles(width, kWarpElements); }

  struct Row {
    float x[kItems][kNeighbours];
  };

  /// Grid: num_rows; block: num_warps warps.
  template <class Thread>
  LONGSPAN_DEVICE static void forward(Thread& thread, int num_threads, const ResidualNormProblem& p,
                                      const ResidualNormOutputs& outputs) {
    const int row = thread.block_x();
    Row sum;
    read(thread, num_threads, p, p.x_ND, row, sum);
    if (p.branch_ND != nullptr) {
      Row branch;
      read(thread, num_threads, p, p.branch_ND, row, branch);
      drop(thread, num_threads, p, row, branch);
      LONGSPAN_UNROLL
      for (int i = 0; i < kItems; ++i) LONGSPAN_UNROLL
      for (int e = 0; e < kNeighbours; ++e) sum.x[i][e] += branch.x[i][e];
      write(thread, num_threads, p, outputs.sum_ND, row, sum);  // and rounds it
    }
    if (outputs.normed_ND == nullptr) return;
    const float width = static_cast<float>(p.width);
    float total = 0.0f, squares = 0.0f;
    if (p.centred) {
      LONGSPAN_UNROLL
      for (int i = 0; i < kItems; ++i) LONGSPAN_UNROLL
      for (int e = 0; e < kNeighbours; ++e) total += sum.x[i][e];
      add_up(thread, num_threads, total, squares);
    }
    const float mean = total / width;
    squares = 0.0f;
    LONGSPAN_UNROLL
    for (int i = 0; i < kItems; ++i) {
      const bool inside = column_of(thread, num_threads, i) < p.width;
      LONGSPAN_UNROLL
      for (int e = 0; e < kNeighbours; ++e)
        if (inside) squares += (sum.x[i][e] - mean) * (sum.x[i][e] - mean);
    }
    float unused = 0.0f;
    if (p.centred) thread.synchronize();  // the first sums have been read
    add_up(thread, num_threads, squares, unused);
    const float inverse = thread.inverse_root(squares / width + p.eps);
    LONGSPAN_UNROLL
    for (int i = 0; i < kItems; ++i) {
      const int column = column_of(thread, num_threads, i);
      if (column >= p.width) continue;
      const Numbers weight = numbers(thread, p.weight_D, column, 1.0f),
                    bias = numbers(thread, p.bias_D, column, 0.0f);
      LONGSPAN_UNROLL
      for (int e = 0; e < kNeighbours; ++e)
        sum.x[i][e] = (sum.x[i][e] - mean) * inverse * weight.x[e] + bias.x[e];
    }
    write(thread, num_threads, p, outputs.normed_ND, row, sum);
    if (thread.index() == 0) {
      thread.store(outputs.mean_N + row, mean);
      thread.store(outputs.inverse_N + row, inverse);
    }
  }

  /// Grid: num_parts; block: num_warps warps.
  template <class Thread>
  LONGSPAN_DEVICE static void backward(Thread& thread, int num_threads, int num_parts,
                                       const ResidualNormProblem& p,
                                       const ResidualNormGradients& gradients) {
    Row d_weight = {}, d_bias = {};
    const bool has_norm = gradients.d_normed_ND != nullptr;
    const float width = static_cast<float>(p.width);
    for (int row = thread.block_x(); row < p.num_rows; row += num_parts) {
      Row d_sum;
      read(thread, num_threads, p, gradients.d_sum_ND, row, d_sum);
      if (has_norm) {
        Row scaled, normed;  // the gradient of the normalised row, and that row
        read(thread, num_threads, p, gradients.d_normed_ND, row, scaled);
        read(thread, num_threads, p, gradients.sum_ND, row, normed);
        const float mean = thread.load(gradients.mean_N + row),
                    inverse = thread.load(gradients.inverse_N + row);
        float total = 0.0f, product = 0.0f;
        LONGSPAN_UNROLL
        for (int i = 0; i < kItems; ++i) {
          const int column = column_of(thread, num_threads, i);
          if (column >= p.width) continue;
          const Numbers weight = numbers(thread, p.weight_D, column, 1.0f);
          LONGSPAN_UNROLL
          for (int e = 0; e < kNeighbours; ++e) {
            normed.x[i][e] = (normed.x[i][e] - mean) * inverse;
            d_weight.x[i][e] += scaled.x[i][e] * normed.x[i][e];
            d_bias.x[i][e] += scaled.x[i][e];
            scaled.x[i][e] *= weight.x[e];
            total += scaled.x[i][e];
            product += scaled.x[i][e] * normed.x[i][e];
          }
        }
        add_up(thread, num_threads, total, product);
        total = p.centred ? total / width : 0.0f;
        product /= width;
        LONGSPAN_UNROLL
        for (int i = 0; i < kItems; ++i) LONGSPAN_UNROLL
        for (int e = 0; e < kNeighbours; ++e)
          d_sum.x[i][e] += inverse * (scaled.x[i][e] - total - normed.x[i][e] * product);
        if (num_threads > kWarpSize) thread.synchronize();  // before the sums of the next row
      }
      write(thread, num_threads, p, gradients.d_x_ND, row, d_sum);
      if (gradients.d_branch_ND != nullptr) {
        drop(thread, num_threads, p, row, d_sum);
        write(thread, num_threads, p, gradients.d_branch_ND, row, d_sum);
      }
    }
    if (!has_norm) return;
    float* const part = gradients.d_weights_P2D + std::int64_t{2} * thread.block_x() * p.width;
    LONGSPAN_UNROLL
    for (int i = 0; i < kItems; ++i) {
      const int column = column_of(thread, num_threads, i);
      if (column >= p.width) continue;
      store_numbers(thread, part + column, d_weight.x[i]);
      store_numbers(thread, part + p.width + column, d_bias.x[i]);
    }
  }

 private:
  template <class Thread>
  LONGSPAN_DEVICE static int column_of(Thread& thread, int num_threads, int item) {
    return (item * num_threads + thread.index()) * kNeighbours;
  }

  template <class Thread>
  LONGSPAN_DEVICE static void read(Thread& thread, int num_threads, const ResidualNormProblem& p,
                                   const std::uint16_t* data, int row, Row& to) {
    LONGSPAN_UNROLL
    for (int i = 0; i < kItems; ++i) {
      const int column = column_of(thread, num_threads, i);
      const bool inside = data != nullptr && column < p.width;
      Wide wide = {};
      if (inside)
        wide = thread.load(reinterpret_cast<const Wide*>(
            data + static_cast<std::int64_t>(row) * p.width + column));
      LONGSPAN_UNROLL
      for (int e = 0; e < kNeighbours; ++e)
        to.x[i][e] = thread.template unpack<Element>(wide.x[e / 2], e % 2);
    }
  }

  /// Writes a row, and rounds it to what was written.
  template <class Thread>
  LONGSPAN_DEVICE static void write(Thread& thread, int num_threads, const ResidualNormProblem& p,
                                    std::uint16_t* data, int row, Row& from) {
    LONGSPAN_UNROLL
    for (int i = 0; i < kItems; ++i) {
      const int column = column_of(thread, num_threads, i);
      Wide wide;
      LONGSPAN_UNROLL
      for (int e = 0; e < kNeighbours; e += 2)
        wide.x[e / 2] = thread.template pack<Element>(from.x[i][e], from.x[i][e + 1]);
      LONGSPAN_UNROLL
      for (int e = 0; e < kNeighbours; ++e)
        from.x[i][e] = thread.template unpack<Element>(wide.x[e / 2], e % 2);
      if (column < p.width)
        thread.store(
            reinterpret_cast<Wide*>(data + static_cast<std::int64_t>(row) * p.width + column),
            wide);
    }
  }

  template <class Thread>
  LONGSPAN_DEVICE static void drop(Thread& thread, int num_threads, const ResidualNormProblem& p,
                                   int row, Row& numbers) {
    if constexpr (kWithDropout) {
      const std::int64_t row_id = thread.load(p.row_ids_N + row);
      LONGSPAN_UNROLL
      for (int i = 0; i < kItems; ++i) {
        const std::uint32_t kept = keep_bits_of_neighbours(
            thread, p.mask, row_id, column_of(thread, num_threads, i) / int(kMaskChunk));
        LONGSPAN_UNROLL
        for (int e = 0; e < kNeighbours; ++e)
          numbers.x[i][e] = (kept >> e & 1u) == 0u ? 0.0f : numbers.x[i][e] * p.mask.scale();
      }
    }
  }

  template <class Thread>
  LONGSPAN_DEVICE static Numbers numbers(Thread& thread, const float* data, int column,
                                         float otherwise) {
    Numbers result;
    LONGSPAN_UNROLL
    for (int i = 0; i < kNeighbours; i += 2) {
      FloatPair pair = {{otherwise, otherwise}};
      if (data != nullptr)
        pair = thread.load(reinterpret_cast<const FloatPair*>(data + column + i));
      result.x[i] = pair.x[0];
      result.x[i + 1] = pair.x[1];
    }
    return result;
  }

  template <class Thread>
  LONGSPAN_DEVICE static void store_numbers(Thread& thread, float* data,
                                            const float (&numbers)[kNeighbours]) {
    LONGSPAN_UNROLL
    for (int i = 0; i < kNeighbours; i += 2)
      thread.store(reinterpret_cast<FloatPair*>(data + i), FloatPair{{numbers[i], numbers[i + 1]}});
  }

  /// Adds up two numbers over the block's threads, in one order.
  template <class Thread>
  LONGSPAN_DEVICE static void add_up(Thread& thread, int num_threads, float& a, float& b) {
    LONGSPAN_UNROLL
    for (int mask = kWarpSize / 2; mask > 0; mask /= 2) {
      a += thread.shuffle_xor(a, mask);
      b += thread.shuffle_xor(b, mask);
    }
    if (num_threads == kWarpSize) return;
    const int warp = thread.index() / kWarpSize, lane = thread.index() % kWarpSize;
    if (lane == 0) thread.store_shared(warp * 8, FloatPair{{a, b}});
    thread.synchronize();
    a = b = 0.0f;
    for (int i = 0; i < num_threads / kWarpSize; ++i) {
      const auto pair = thread.template load_shared<FloatPair>(i * 8);
      a += pair.x[0];
      b += pair.x[1];
    }
  }
};

}  // namespace longspan::gpu
