#pragma once

#include <memory>

#include "model/layer.h"

namespace longspan {

/// The two ends of the model, which share matrices when tied: ids in, log-probabilities of ids out.
class Vocabulary {
 public:
  virtual ~Vocabulary() = default;
  /// Appends what the passes of a step share in a narrow dtype.
  virtual void add_companies(std::vector<Company>& companies, at::ScalarType dtype) const = 0;
  /// Returns the unscaled embeddings [B, T, D].
  virtual at::Tensor embed(const at::Tensor& ids_BT, const ForwardOptions& options) const = 0;
  /// Returns the summed loss of targets >= 0. @param features_ND, targets_N, row_ids_N row by row
  /// (row ids may be undefined)
  virtual at::Tensor loss_sum(const at::Tensor& features_ND, const at::Tensor& targets_N,
                              const at::Tensor& row_ids_N, const Pass& pass) const = 0;
  virtual at::Tensor target_log_probabilities(const at::Tensor& features_ND,
                                              const at::Tensor& targets_N) const = 0;
  virtual at::Tensor log_probabilities(const at::Tensor& features_ND) const = 0;
};

std::unique_ptr<Vocabulary> make_plain_vocabulary(ParameterList& parameters,
                                                  const ModelConfig& config,
                                                  std::int64_t vocab_size);
std::unique_ptr<Vocabulary> make_adaptive_vocabulary(ParameterList& parameters,
                                                     const ModelConfig& config,
                                                     std::int64_t vocab_size);

}  // namespace longspan
