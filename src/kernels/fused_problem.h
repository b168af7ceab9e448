#pragma once

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <vector>

#include "kernels/dropout_rule.h"
#include "kernels/element_pointer.h"
#include "kernels/row_math.h"
#include "kernels/sum_of.h"
#include "longspan/core/ceil_divide.h"

/// What the fused attention's forward and backward passes share. Work is divided over (batch, head)
/// so that no sum depends on the number of threads.
namespace longspan::fused {

inline constexpr std::int64_t kQueryBlock = 64;

/// The dropout of one call, with its tensor of row ids unpacked.
struct Drop {
  double p = 0.0;
  DropoutKey key;
  const std::int64_t* row_ids = nullptr;  ///< [B, T]
};

/// Rows of heads in memory, the numbers of a token's heads side by side.
template <class Element>
struct HeadRows {
  Element* data = nullptr;
  std::int64_t sequence_stride = 0, row_stride = 0, head_dim = 0;

  /// @param rows [B, rows, heads, K], or undefined: none
  static HeadRows of(const at::Tensor& rows) {
    if (!rows.defined()) return {};
    return {elements_or_null<Element>(rows), rows.stride(0), rows.stride(1), rows.size(3)};
  }
  /// Returns the row of one head.
  Element* at(std::int64_t sequence, std::int64_t row, std::int64_t head) const {
    return data + sequence * sequence_stride + row * row_stride + head * head_dim;
  }
};

/// Rows of one head.
template <class Element>
struct Rows {
  Element* data;
  std::int64_t stride;

  Rows from(std::int64_t row) const { return {data + row * stride, stride}; }
};
template <class Element>
Rows<Element> rows_of(const HeadRows<Element>& heads, std::int64_t sequence, std::int64_t head) {
  return {heads.at(sequence, 0, head), heads.row_stride};
}

/// Sizes of one call.
struct Problem {
  std::int64_t B, T, S, H, G, K;
  double scale;
  Drop drop;
  const std::int32_t* first_seen = nullptr;  ///< [B, T]; null: key 0

  Problem(const at::Tensor& q, const at::Tensor& k, double score_scale)
      : B(q.size(0)),
        T(q.size(1)),
        S(k.size(1)),
        H(q.size(2)),
        G(k.size(2)),
        K(q.size(3)),
        scale(score_scale) {}
  std::int64_t first_query() const { return S - T; }
  std::int64_t first_key(std::int64_t b, std::int64_t t) const {
    return first_seen == nullptr ? 0 : first_seen[b * T + t];
  }
};

/// The biases of one head so laid out that the bias of key s for the query at position i is
/// at(i)[s].
template <class Scalar>
class BiasRow {
 public:
  /// @param bias_HN of the accumulation dtype, contiguous; undefined: none
  BiasRow(const at::Tensor& bias_HN, std::int64_t head, std::int64_t num_keys)
      : reversed_(static_cast<std::size_t>(num_keys), Scalar(0)),
        num_keys_(num_keys),
        zero_(!bias_HN.defined()) {
    if (zero_) return;
    const Scalar* row = bias_HN.const_data_ptr<Scalar>() + head * bias_HN.size(1);
    std::reverse_copy(row, row + num_keys, reversed_.begin());
  }
  const Scalar* at(std::int64_t position) const {
    return zero_ ? reversed_.data() : reversed_.data() + (num_keys_ - 1 - position);
  }

 private:
  std::vector<Scalar> reversed_;
  std::int64_t num_keys_;
  bool zero_;
};

/// One head of one sequence.
template <class Scalar>
struct Head {
  const Problem& problem;
  std::int64_t b, h, g;
  BiasRow<Scalar> bias;

  Head(const Problem& of, const at::Tensor& bias_HN, std::int64_t batch, std::int64_t head)
      : problem(of), b(batch), h(head), g(head / (of.H / of.G)), bias(bias_HN, head, of.S) {}
  std::int64_t sum_offset(std::int64_t t) const { return (b * problem.H + h) * problem.T + t; }
  row_math::RowMask mask(std::int64_t t) const {
    return row_mask({problem.drop.p, problem.drop.key, h}, problem.drop.row_ids[b * problem.T + t]);
  }
};

/// One block of queries of one head: rows [begin, end) see some of the keys of columns [first_key,
/// first_key + columns), which are whole panels.
struct Block {
  std::int64_t begin, end, first_key, columns;

  Block(const Problem& problem, std::int64_t b, std::int64_t first, std::int64_t panel)
      : begin(first),
        end(std::min(first + kQueryBlock, problem.T)),
        first_key(problem.first_key(b, begin) / panel * panel),
        columns(ceil_divide(problem.first_query() + end - first_key, panel) * panel) {}
  std::int64_t rows() const { return end - begin; }
};

/// Returns how many scores the memory of a block holds, whatever products fill it.
std::size_t score_elements(const Problem& problem);

/// What a query of a block sees: of its row of scores, columns [begin, end); the first is of key
/// first_key.
struct Seen {
  std::int64_t begin, end, first_key;

  Seen(const Problem& problem, const Block& block, std::int64_t b, std::int64_t t)
      : begin(problem.first_key(b, t) - block.first_key),
        end(problem.first_query() + t + 1 - block.first_key),
        first_key(block.first_key + begin) {}
  std::int64_t count() const { return end - begin; }
  std::int64_t position() const { return first_key + count() - 1; }
};

/// The tensors of one call: q, k, v and out of one dtype, a token's heads side by side in each, the
/// others contiguous and of the dtype of its sums; undefined where it has none.
struct Tensors {
  at::Tensor q, k, v, bias_HN, out, log_sums_BHT;
};

/// Keys and values, and where the sums of their gradients go: null in forward.
template <class Element>
struct KeyData {
  HeadRows<const Element> k, v;
  HeadRows<Element> d_k{}, d_v{};
};

/// Where gradients go, the keys' and the values' full of zeros; and what comes of the bias.
struct Gradients {
  at::Tensor q, k, v, bias_HN;
};

/// Fills out and log_sums_BHT.
void run_forward(const Problem& problem, const Tensors& tensors);
/// Fills the gradients of q, k and v, and makes that of the bias if `bias_trains`.
void run_backward(const Problem& problem, const Tensors& tensors, const at::Tensor& d_out,
                  bool bias_trains, Gradients& d);

}  // namespace longspan::fused
