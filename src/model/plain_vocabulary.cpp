// One matrix for all ids, and a second one for the head unless tied.

#include <cmath>

#include "longspan/kernels/cross_entropy.h"
#include "longspan/kernels/products.h"
#include "model/vocabulary.h"
#include "model/vocabulary_matrix.h"

namespace longspan {
namespace {

Start embedding_start(const ModelConfig& config) {
  if (config.init == InitScheme::Gpt2) return Start::normal(gpt2_std(config));
  return Start::normal(1.0 / std::sqrt(static_cast<double>(config.d_model)),
                       config.dialect == Dialect::Fairseq ? kPaddingRow : Start::kNoRow);
}

class PlainVocabulary final : public Vocabulary {
 public:
  PlainVocabulary(ParameterList& parameters, const ModelConfig& config, std::int64_t vocab_size)
      : embed_{parameters.add("embed.weight", {vocab_size, config.d_model},
                              embedding_start(config)),
               {},
               config.embedding.tie},
        head_(config.embedding.tie
                  ? embed_
                  : VocabularyMatrix{parameters.add("head.weight", {vocab_size, config.d_model},
                                                    embedding_start(config)),
                                     {},
                                     true}) {}

  void add_companies(std::vector<Company>& companies, at::ScalarType dtype) const override {
    head_.add_companies(companies, dtype);
  }

  at::Tensor embed(const at::Tensor& ids_BT, const ForwardOptions& options) const override {
    return embed_.embed(ids_BT, options);
  }

  at::Tensor loss_sum(const at::Tensor& features_ND, const at::Tensor& targets_N, const at::Tensor&,
                      const Pass& pass) const override {
    return head_.loss_sum(features_ND.to(pass.options->compute_dtype), targets_N, *pass.options);
  }

  at::Tensor target_log_probabilities(const at::Tensor& features_ND,
                                      const at::Tensor& targets_N) const override {
    return linear_log_probabilities(features_ND, head_.weight_VD, targets_N);
  }

  at::Tensor log_probabilities(const at::Tensor& features_ND) const override {
    return linear_product(features_ND, head_.weight_VD, {}).log_softmax(-1);
  }

 private:
  VocabularyMatrix embed_, head_;
};

}  // namespace

std::unique_ptr<Vocabulary> make_plain_vocabulary(ParameterList& parameters,
                                                  const ModelConfig& config,
                                                  std::int64_t vocab_size) {
  return std::make_unique<PlainVocabulary>(parameters, config, vocab_size);
}

}  // namespace longspan
