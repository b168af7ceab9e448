#pragma once

#include <cstdint>
#include <vector>

#include "longspan/model/config.h"

namespace longspan {

/// What an activation of the feed-forward layer makes of the layer's sizes.
struct ActivationShape {
  bool gated = false;  ///< a third matrix beside the two
  /// Tensors of ffn_dim a token that backward needs: of kernels of one pass, and of composed
  /// operations without and with dropout behind it.
  std::int64_t kept = 0;
  std::int64_t kept_composed = 0;
  std::int64_t kept_composed_with_dropout = 0;
};
ActivationShape shape_of(Activation activation);

/// The rows of ids [begin, end), each of `width` numbers.
struct VocabularyBand {
  std::int64_t begin = 0;
  std::int64_t end = 0;
  std::int64_t width = 0;
};
/// Returns the bands of the vocabulary's matrices: one of a plain embedding, one more than there
/// are cutoffs of an adaptive one. @throws Error(Config) when the cutoffs do not fit vocab_size, or
/// a band is left no width
std::vector<VocabularyBand> vocabulary_bands(const ModelConfig& config, std::int64_t vocab_size);

}  // namespace longspan
