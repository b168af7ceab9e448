#pragma once

#include "kernels/fused_problem.h"

namespace longspan::fused {

/// The products of the fused attention's forward pass for a query or a few, as in decoding, over
/// keys and values as they lie in memory, each read once; sums are float32. See BlasProducts for
/// the meaning of each.
/// @tparam Element float or c10::BFloat16: of queries, keys, values and outputs
template <class Element>
class RowProducts {
 public:
  static constexpr std::int64_t kPanel = 1;

  RowProducts(const Problem& problem, const KeyData<Element>& data)
      : problem_(problem), data_(data), row_(static_cast<std::size_t>(problem.K)) {}

  void load(std::int64_t b, std::int64_t g) {
    b_ = b;
    g_ = g;
  }
  std::int64_t row_stride(const Block& block) const { return block.columns; }

  void scores(Rows<const Element> q, const Block& block, float* out) {
    for (std::int64_t row = 0; row < block.rows(); ++row) {
      const Element* const x = q.data + row * q.stride;
      std::copy(x, x + problem_.K, row_.begin());
      row_math::multiply_rows(out + row * block.columns, row_.data(), seen(data_.k, block));
    }
  }
  void values(const float* p, const Block& block, const float* factors, Rows<Element> out) {
    for (std::int64_t row = 0; row < block.rows(); ++row) {
      row_math::combine_rows(row_.data(), p + row * block.columns, seen(data_.v, block));
      row_math::scale_to(out.data + row * out.stride, row_.data(), problem_.K, factors[row]);
    }
  }

 private:
  row_math::Rows<Element> seen(const HeadRows<const Element>& keys, const Block& block) const {
    const auto [data, stride] = rows_of(keys, b_, g_).from(block.first_key);
    return {data, block.columns, problem_.K, stride};
  }

  const Problem& problem_;
  KeyData<Element> data_;
  std::vector<float> row_;
  std::int64_t b_ = 0, g_ = 0;
};

/// Returns whether rows are the faster way: a few queries behind other keys than their own.
bool takes_rows(at::ScalarType dtype, std::int64_t num_queries, std::int64_t num_keys);

}  // namespace longspan::fused
