// Sizes that follow from the configuration alone.

#include "longspan/model/shapes.h"

#include "longspan/core/error.h"

namespace longspan {

ActivationShape shape_of(Activation activation) {
  switch (activation) {
    case Activation::Relu:
      return {.gated = false, .kept = 1, .kept_composed = 1, .kept_composed_with_dropout = 2};
    case Activation::Gelu:
    case Activation::GeluTanh:
      return {.gated = false, .kept = 2, .kept_composed = 2, .kept_composed_with_dropout = 2};
    case Activation::Swiglu:
      return {.gated = true, .kept = 3, .kept_composed = 4, .kept_composed_with_dropout = 4};
  }
  unreachable();
}

std::vector<VocabularyBand> vocabulary_bands(const ModelConfig& config, std::int64_t vocab_size) {
  const EmbeddingConfig& embedding = config.embedding;
  if (embedding.kind == EmbeddingKind::Plain) return {{0, vocab_size, config.d_model}};
  const std::int64_t last = embedding.cutoffs.back();
  check(last < vocab_size, ErrorKind::Config,
        "model.embedding.cutoffs must lie below the vocabulary's ", vocab_size, " ids, got ", last,
        "; the tokenizer's text may be smaller than the cutoffs were made for");
  std::vector<VocabularyBand> bands;
  std::int64_t begin = 0, divisor = 1;
  for (std::size_t i = 0; i <= embedding.cutoffs.size(); ++i) {
    const std::int64_t end = i == embedding.cutoffs.size() ? vocab_size : embedding.cutoffs[i];
    const std::int64_t width = config.d_model / divisor;
    check(width > 0, ErrorKind::Config, "model.embedding.factor leaves band ", i,
          " no width at model.d_model ", config.d_model, ", got ", embedding.factor);
    bands.push_back({begin, end, width});
    begin = end;
    divisor *= embedding.factor;
  }
  return bands;
}

}  // namespace longspan
