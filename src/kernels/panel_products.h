#pragma once

#include "kernels/fused_problem.h"

namespace longspan::fused {

/// The products of the fused attention of one head after the other as many small ones of 64 keys
/// each, by the block kernels of LibTorch's oneDNN, over keys and values that are laid out anew for
/// each head in panels of 64. For many queries; see BlasProducts for the meaning of each.
///
/// Of bfloat16 the factors are bfloat16, probabilities and their gradients rounded to it, and the
/// sums float32, as GPUs have it. Columns of a block that no row sees must be zero in probabilities
/// and their gradients.
/// @tparam Element float or c10::BFloat16: of queries, keys, values and outputs
template <class Element>
class PanelProducts {
 public:
  static constexpr std::int64_t kPanel = 64;

  PanelProducts(const Problem& problem, const KeyData<Element>& data);
  ~PanelProducts();
  PanelProducts(const PanelProducts&) = delete;
  PanelProducts& operator=(const PanelProducts&) = delete;

  void load(std::int64_t b, std::int64_t g);
  void store();
  std::int64_t row_stride(const Block&) const { return row_stride_; }

  void scores(Rows<const Element> q, const Block& block, float* out) const;
  void d_probabilities(Rows<const Element> d_out, const Block& block, float* out) const;
  void values(const float* p, const Block& block, const float* factors, Rows<Element> out);
  void d_queries(const float* d_scores, const Block& block, Rows<Element> out);
  void add_d_keys(const float* d_scores, Rows<const Element> q, const Block& block);
  void add_d_values(const float* p, Rows<const Element> d_out, const Block& block);

 private:
  /// [S / 64][64 * K], of zeros beyond S: as keys go into a product, [64][K] or turned, [K][64].
  template <class T>
  using Panels = std::vector<T>;

  bool is_backward() const { return data_.d_k.data != nullptr; }
  void lay_out(Rows<const Element> rows, Panels<Element>& panels) const;
  void lay_out_turned(Rows<const Element> rows, Panels<Element>& panels) const;
  void turn_back(const Panels<float>& panels, float scale, Rows<Element> rows);
  void by_key(Rows<const Element> x, const Panels<Element>& turned, const Block& block,
              float* out) const;
  void over_keys(const float* p, const Panels<Element>& panels, const Block& block);  // to rows_
  void to_keys(const float* p, Rows<const Element> x, const Block& block, Panels<float>& sum);
  const Element* as_left(const float* rows, const Block& block);
  const Element* as_right(const float* rows, const Block& block);

  const Problem& problem_;
  KeyData<Element> data_;
  std::int64_t row_stride_, b_ = -1, g_ = -1;
  Panels<Element> k_, v_, k_turned_, v_turned_;
  Panels<float> d_k_turned_, d_v_turned_;
  std::vector<float> rows_;       ///< [64, K]
  std::vector<Element> turned_;   ///< a block's queries, [K, 64]
  std::vector<Element> rounded_;  ///< a block's probabilities, where they are narrow
};

/// Returns whether panels are the faster way for queries of an element type and a width.
bool takes_panels(at::ScalarType dtype, std::int64_t num_queries, std::int64_t head_dim);

}  // namespace longspan::fused
