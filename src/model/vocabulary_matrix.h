#pragma once

#include <vector>

#include "longspan/model/transformer.h"

namespace longspan {

/// The id of fairseq's padding symbol: its row starts at zero, and so does this row of every band.
constexpr std::int64_t kPaddingRow = 1;

/// A matrix with a row for each of some ids: looked up by an input, multiplied by a head, or both.
/// In a narrow computation both add to the gradient that the passes of a step share.
struct VocabularyMatrix {
  at::Tensor weight_VD;
  at::Tensor further_CD;  ///< rows below that have logits and no embedding; undefined: none
  bool has_logits = false;

  /// Appends what loss_sum() and embed() ask StepWeights for.
  void add_companies(std::vector<Company>& companies, at::ScalarType dtype) const;
  /// Returns float32 rows of weight_VD [..., D].
  at::Tensor embed(const at::Tensor& ids, const ForwardOptions& options) const;
  /// See linear_cross_entropy. @param features_ND of the computation's dtype
  at::Tensor loss_sum(const at::Tensor& features_ND, const at::Tensor& targets_N,
                      const ForwardOptions& options) const;
  /// Returns whether only loss_sum() of this pass, the last of a step, can hand over what passes
  /// before have added to the gradient. To be asked after embed() of the pass.
  bool must_hand_over(const ForwardOptions& options) const;
  /// Returns all rows in float32.
  at::Tensor rows() const;

 private:
  Company company(at::ScalarType dtype) const;
  std::optional<at::Tensor> further() const;
};

}  // namespace longspan
