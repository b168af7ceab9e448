#pragma once

#include "kernels/blas.h"
#include "kernels/fused_problem.h"

namespace longspan::fused {

/// The products of the fused attention by BLAS, over keys and values as they lie in memory.
template <class Scalar>
class BlasProducts {
 public:
  static constexpr std::int64_t kPanel = 1;

  BlasProducts(const Problem& problem, const KeyData<Scalar>& data)
      : problem_(problem), data_(data) {}

  /// Makes head g of sequence b the one that the products are of.
  void load(std::int64_t b, std::int64_t g) {
    b_ = b;
    g_ = g;
  }
  /// Ends the sums of the loaded head.
  void store() {}
  /// Returns how many elements the rows of a block's scores are apart.
  std::int64_t row_stride(const Block& block) const { return block.columns; }

  /// Forms q k^T of a block. @param q from the block's first on
  void scores(Rows<const Scalar> q, const Block& block, Scalar* out) const {
    by_key(q, data_.k, block, out);
  }
  /// Forms d_out v^T.
  void d_probabilities(Rows<const Scalar> d_out, const Block& block, Scalar* out) const {
    by_key(d_out, data_.v, block, out);
  }
  /// Forms p v, row i times factors[i].
  void values(const Scalar* p, const Block& block, const Scalar* factors, Rows<Scalar> out) const {
    over_keys(p, data_.v, block, {out.data, out.stride});
    for (std::int64_t row = 0; row < block.rows(); ++row) {
      Scalar* const x = out.data + row * out.stride;
      row_math::scale_to(x, x, problem_.K, factors[row]);
    }
  }
  /// Forms the gradient of the queries, scale d_scores k.
  void d_queries(const Scalar* d_scores, const Block& block, Rows<Scalar> out) const {
    over_keys(d_scores, data_.k, block,
              {out.data, out.stride, static_cast<Scalar>(problem_.scale)});
  }
  /// Adds scale d_scores^T q to the gradient of the keys.
  void add_d_keys(const Scalar* d_scores, Rows<const Scalar> q, const Block& block) const {
    to_keys(d_scores, q, block, data_.d_k, static_cast<Scalar>(problem_.scale));
  }
  /// Adds p^T d_out to the gradient of the values.
  void add_d_values(const Scalar* p, Rows<const Scalar> d_out, const Block& block) const {
    to_keys(p, d_out, block, data_.d_v, Scalar(1));
  }

 private:
  template <class Element>
  Rows<Element> seen(const HeadRows<Element>& keys, const Block& block) const {
    return rows_of(keys, b_, g_).from(block.first_key);
  }
  void by_key(Rows<const Scalar> x, const HeadRows<const Scalar>& keys, const Block& block,
              Scalar* out) const {
    const auto [data, stride] = seen(keys, block);
    blas::multiply<Scalar>({block.rows(), block.columns, problem_.K}, {x.data, x.stride},
                           {data, stride, blas::Transpose::Yes}, {out, block.columns});
  }
  void over_keys(const Scalar* p, const HeadRows<const Scalar>& keys, const Block& block,
                 const blas::Target<Scalar>& out) const {
    const auto [data, stride] = seen(keys, block);
    blas::multiply<Scalar>({block.rows(), problem_.K, block.columns}, {p, block.columns},
                           {data, stride}, out);
  }
  void to_keys(const Scalar* p, Rows<const Scalar> x, const Block& block,
               const HeadRows<Scalar>& sums, Scalar scale) const {
    const auto [data, stride] = seen(sums, block);
    blas::multiply<Scalar>({block.columns, problem_.K, block.rows()},
                           {p, block.columns, blas::Transpose::Yes}, {x.data, x.stride},
                           {data, stride, scale, 1});
  }

  const Problem& problem_;
  KeyData<Scalar> data_;
  std::int64_t b_ = 0, g_ = 0;
};

}  // namespace longspan::fused
