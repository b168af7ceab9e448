#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "longspan/core/random.h"
#include "longspan/evaluate/evaluate.h"

namespace longspan::testing {

inline constexpr std::int64_t kTinyVocabulary = 19;
inline constexpr std::int32_t kTinyStart = 2;

/// A tokenizer of which only the start id is used.
class StartOnly final : public Tokenizer {
 public:
  std::string kind() const override { return "start-only"; }
  std::int64_t vocab_size() const override { return kTinyVocabulary; }
  void encode_line(std::string_view, std::vector<std::int32_t>&) const override {}
  std::string decode(std::span<const std::int32_t>) const override { return {}; }
  std::int32_t start_id() const override { return kTinyStart; }
  bool ends_line(std::int32_t) const override { return false; }
  void save(const std::filesystem::path&) const override {}
  std::string fingerprint() const override { return "start-only"; }
};

/// Returns ids in 0 .. kTinyVocabulary-1 that are a function of the seed.
inline std::vector<std::int32_t> tiny_ids(std::int64_t count, std::uint64_t seed) {
  RandomStream stream(seed, RandomPurpose::Benchmark, 0);
  std::vector<std::int32_t> ids;
  for (std::int64_t i = 0; i < count; ++i)
    ids.push_back(static_cast<std::int32_t>(stream.below(kTinyVocabulary)));
  return ids;
}

inline EvaluationText tiny_text(std::int64_t count, std::uint64_t seed) {
  return {TokenStream::from_ids(tiny_ids(count, seed)), TextCounts{3, count / 2, 4 * count},
          std::make_shared<StartOnly>(), "valid"};
}

/// Makes a small model. @param position the position section, like {kind: alibi}
inline Transformer tiny_model(const std::string& position) {
  ModelConfig config;
  config.num_layers = 2;
  config.d_model = 12;
  config.num_heads = config.num_kv_heads = 3;
  config.ffn_dim = 10;
  const auto document = config::Document::from_text("position: " + position + "\n", "test.yaml");
  const PositionConfig method = read_position_config(document.root().section("position"));
  Transformer model(config, method.make({config.d_model, config.num_heads, config.head_dim(), 8}),
                    kTinyVocabulary);
  model.initialize(5);
  return model;
}

}  // namespace longspan::testing
