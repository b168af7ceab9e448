#pragma once

#include "kernels/fused_problem.h"

namespace longspan::fused {

/// The products of the fused attention of one head after the other as many small ones of 64 keys
/// each, by the block kernels of LibTorch's oneDNN, over keys and values that are laid out anew for
/// each head in panels of 64. For many queries; see BlasProducts for the meaning of each.
///
/// Columns of a block that no row sees must be zero in probabilities and their gradients.
class PanelProducts {
 public:
  static constexpr std::int64_t kPanel = 64;

  PanelProducts(const Problem& problem, const KeyData<float>& data);
  ~PanelProducts();
  PanelProducts(const PanelProducts&) = delete;
  PanelProducts& operator=(const PanelProducts&) = delete;

  /// Returns whether this is the faster way.
  static bool takes(const Problem& problem);

  void load(std::int64_t b, std::int64_t g);
  void store();
  std::int64_t row_stride(const Block&) const { return row_stride_; }

  void scores(const float* q, const Block& block, float* out) const;
  void d_probabilities(const float* d_out, const Block& block, float* out) const;
  void values(const float* p, const Block& block, const float* factors, float* out);
  void d_queries(const float* d_scores, const Block& block, float* out);
  void add_d_keys(const float* d_scores, const float* q, const Block& block);
  void add_d_values(const float* p, const float* d_out, const Block& block);

 private:
  using Panels = std::vector<float>;  ///< [S / 64][64 * K], of zeros beyond S

  bool is_backward() const { return data_.d_k != nullptr; }
  void lay_out(const float* rows, Panels& panels) const;         // as [64][K]
  void lay_out_turned(const float* rows, Panels& panels) const;  // as [K][64]
  void turn_back(const Panels& panels, float scale, float* rows);
  void by_key(const float* x, const Panels& turned, const Block& block, float* out) const;
  void over_keys(const float* p, const Panels& panels, const Block& block);  // into rows_
  void to_keys(const float* p, const float* x, const Block& block, Panels& sum);

  const Problem& problem_;
  KeyData<float> data_;
  std::int64_t row_stride_, head_at_ = -1;
  Panels k_, v_, k_turned_, v_turned_, d_k_turned_, d_v_turned_;
  std::vector<float> rows_;  ///< [64, K], or one panel turned
};

}  // namespace longspan::fused
