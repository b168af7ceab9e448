#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "longspan/core/random.h"
#include "support/start_only_tokenizer.h"

namespace longspan::testing {

inline constexpr std::int64_t kTinyVocabulary = 19;
inline constexpr std::int32_t kTinyStart = 2;

/// Returns ids in 0 .. kTinyVocabulary-1 that are a function of the seed.
inline std::vector<std::int32_t> tiny_ids(std::int64_t count, std::uint64_t seed) {
  RandomStream stream(seed, RandomPurpose::Benchmark, 0);
  std::vector<std::int32_t> ids;
  for (std::int64_t i = 0; i < count; ++i)
    ids.push_back(static_cast<std::int32_t>(stream.below(kTinyVocabulary)));
  return ids;
}

inline EvaluationText tiny_text(std::int64_t count, std::uint64_t seed) {
  return text_of_ids(tiny_ids(count, seed), TextCounts{3, count / 2, 4 * count});
}

/// Makes a small model.
inline Transformer tiny_model(const PositionOptions& position) {
  ModelConfig config;
  config.num_layers = 2;
  config.d_model = 12;
  config.num_heads = config.num_kv_heads = 3;
  config.ffn_dim = 10;
  Transformer model(
      config, make_position(position, {config.d_model, config.num_heads, config.head_dim(), 8}),
      kTinyVocabulary);
  model.initialize(5);
  return model;
}

}  // namespace longspan::testing
