#pragma once

#include "kernels/gpu/row_of_logits.h"

/// The loss of rows of logits with its gradient, and log-probabilities. A block takes a row: it
/// reads it once for its sum and, for the gradient, once more. Each number has one writer and each
/// sum one order.
namespace longspan::gpu {

/// The gradient's elements.
enum class GradientType { BFloat16, Float16, Float32 };

struct LossOutputs {
  void* d_logits_NV;  ///< begins at a multiple of 16 bytes; float32 may lie where the logits do
  float* losses_N;    ///< 0 where the target is below 0, and so is the gradient
  float scale;        ///< of the gradient
};

/// Four elements of 2 bytes.
struct alignas(8) NarrowQuad {
  std::uint32_t x[2];
};

/// A row of gradients of BFloat16, Float16 or float.
template <class Element>
struct GradientRow {
  std::uint16_t* data;

  LONGSPAN_DEVICE GradientRow(void* tensor, std::int64_t begin)
      : data(static_cast<std::uint16_t*>(tensor) + begin) {}
  template <class Thread>
  LONGSPAN_DEVICE void store(Thread& thread, int column, float x) const {
    const std::uint32_t bits = thread.template pack<Element>(x, 0.0f);
    thread.store(data + column, static_cast<std::uint16_t>(bits & 0xffffu));
  }
  /// @param column such that the tensor has a multiple of four elements before it
  template <class Thread>
  LONGSPAN_DEVICE void store_quad(Thread& thread, int column, const FloatQuad& four) const {
    const NarrowQuad narrow{{thread.template pack<Element>(four.x[0], four.x[1]),
                             thread.template pack<Element>(four.x[2], four.x[3])}};
    thread.store(reinterpret_cast<NarrowQuad*>(data + column), narrow);
  }
};

template <>
struct GradientRow<float> {
  float* data;

  LONGSPAN_DEVICE GradientRow(void* tensor, std::int64_t begin)
      : data(static_cast<float*>(tensor) + begin) {}
  template <class Thread>
  LONGSPAN_DEVICE void store(Thread& thread, int column, float x) const {
    thread.store(data + column, x);
  }
  template <class Thread>
  LONGSPAN_DEVICE void store_quad(Thread& thread, int column, const FloatQuad& four) const {
    thread.store(reinterpret_cast<FloatQuad*>(data + column), four);
  }
};

/// Grid: x num_rows.
template <class Element>
struct CrossEntropy {
  static constexpr int kThreads = RowOfLogits::kThreads, kSharedBytes = RowOfLogits::kSharedBytes;

  template <class Thread>
  LONGSPAN_DEVICE static void run(Thread& thread, const LogitRows& rows,
                                  const LossOutputs& outputs) {
    const RowOfLogits row(rows, thread.block_x());
    const GradientRow<Element> gradient(outputs.d_logits_NV, row.place.begin);
    const auto target = static_cast<int>(thread.load(rows.targets_N + thread.block_x()));
    float loss = 0.0f;
    if (target < 0) {
      write_zeros(thread, row.place, gradient);
    } else {
      // Read before the barrier in sum(): behind it the gradient may take the logits' place.
      const float of_target = thread.index() == 0 ? thread.load(row.logits + target) : 0.0f;
      const ExponentialSum sum = row.sum(thread);
      write_gradient(thread, row, sum, target, outputs.scale, gradient);
      loss = sum.log(thread) - of_target;
    }
    if (thread.index() == 0) thread.store(outputs.losses_N + thread.block_x(), loss);
  }

 private:
  template <class Thread>
  LONGSPAN_DEVICE static void write_zeros(Thread& thread, const RowPlace& place,
                                          const GradientRow<Element>& gradient) {
    for (int quad = thread.index(); quad < place.quads; quad += kThreads)
      gradient.store_quad(thread, place.quad(quad), FloatQuad{});
    if (thread.index() < place.num_single())
      gradient.store(thread, place.single(thread.index()), 0.0f);
  }

  template <class Thread>
  LONGSPAN_DEVICE static void write_gradient(Thread& thread, const RowOfLogits& row,
                                             const ExponentialSum& sum, int target, float scale,
                                             const GradientRow<Element>& gradient) {
    const float factor = scale / sum.sum;
    const auto of = [&](int column, float x) {
      return sum.exponential(thread, x) * factor - (column == target ? scale : 0.0f);
    };
    for (int first = thread.index(); first < row.place.quads;
         first += RowOfLogits::kQuads * kThreads) {
      float x[RowOfLogits::kFloats];
      row.load(thread, first, x);
      LONGSPAN_UNROLL
      for (int i = 0; i < RowOfLogits::kQuads; ++i) {
        const int quad = first + i * kThreads;
        if (quad >= row.place.quads) continue;
        const int column = row.place.quad(quad);
        FloatQuad four;
        LONGSPAN_UNROLL
        for (int e = 0; e < 4; ++e) four.x[e] = of(column + e, x[4 * i + e]);
        gradient.store_quad(thread, column, four);
      }
    }
    if (thread.index() >= row.place.num_single()) return;
    const int column = row.place.single(thread.index());
    gradient.store(thread, column, of(column, thread.load(row.logits + column)));
  }
};

/// Grid: x num_rows. Writes log p(target) of each row; every target is a column.
struct TargetLogProbabilities {
  static constexpr int kThreads = RowOfLogits::kThreads, kSharedBytes = RowOfLogits::kSharedBytes;

  template <class Thread>
  LONGSPAN_DEVICE static void run(Thread& thread, const LogitRows& rows, float* out_N) {
    const RowOfLogits row(rows, thread.block_x());
    const ExponentialSum sum = row.sum(thread);
    if (thread.index() != 0) return;
    const float of_target =
        thread.load(row.logits + thread.load(rows.targets_N + thread.block_x()));
    thread.store(out_N + thread.block_x(), of_target - sum.log(thread));
  }
};

/// Calls visit(CrossEntropy<...>{}) with the kernel that writes a type.
template <class Visit>
void visit_cross_entropy(GradientType type, const Visit& visit) {
  if (type == GradientType::BFloat16)
    visit(CrossEntropy<BFloat16>{});
  else if (type == GradientType::Float16)
    visit(CrossEntropy<Float16>{});
  else
    visit(CrossEntropy<float>{});
}

}  // namespace longspan::gpu
