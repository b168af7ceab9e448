// One matrix for all ids, and a second one for the head unless tied.

#include <ATen/ops/embedding.h>
#include <ATen/ops/mm.h>

#include <cmath>

#include "longspan/kernels/cross_entropy.h"
#include "model/vocabulary.h"

namespace longspan {
namespace {

constexpr std::int64_t kPaddingRow = 1;  // fairseq's padding id starts as a zero row

Start embedding_start(const ModelConfig& config) {
  if (config.init == InitScheme::Gpt2) return Start::normal(gpt2_std(config));
  return Start::normal(1.0 / std::sqrt(static_cast<double>(config.d_model)),
                       config.dialect == Dialect::Fairseq ? kPaddingRow : Start::kNoRow);
}

class PlainVocabulary final : public Vocabulary {
 public:
  PlainVocabulary(ParameterList& parameters, const ModelConfig& config, std::int64_t vocab_size)
      : embed_VD_(
            parameters.add("embed.weight", {vocab_size, config.d_model}, embedding_start(config))),
        head_VD_(config.embedding.tie ? embed_VD_
                                      : parameters.add("head.weight", {vocab_size, config.d_model},
                                                       embedding_start(config))) {}

  at::Tensor embed(const at::Tensor& ids_BT, const ForwardOptions&) const override {
    return at::embedding(embed_VD_, ids_BT);
  }

  at::Tensor loss_sum(const at::Tensor& features_ND, const at::Tensor& targets_N, const at::Tensor&,
                      const Pass& pass) const override {
    const auto dtype = pass.options->compute_dtype;
    return linear_cross_entropy(features_ND.to(dtype), head_VD_.to(dtype), targets_N,
                                pass.options->loss_scale);
  }

  at::Tensor target_log_probabilities(const at::Tensor& features_ND,
                                      const at::Tensor& targets_N) const override {
    return linear_log_probabilities(features_ND, head_VD_, targets_N);
  }

  at::Tensor log_probabilities(const at::Tensor& features_ND) const override {
    return at::mm(features_ND, head_VD_.t()).log_softmax(-1);
  }

 private:
  at::Tensor embed_VD_, head_VD_;
};

}  // namespace

std::unique_ptr<Vocabulary> make_plain_vocabulary(ParameterList& parameters,
                                                  const ModelConfig& config,
                                                  std::int64_t vocab_size) {
  return std::make_unique<PlainVocabulary>(parameters, config, vocab_size);
}

}  // namespace longspan
