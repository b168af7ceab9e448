#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "longspan/evaluate/evaluate.h"

namespace longspan::testing {

/// A tokenizer of which only the start id, fairseq's </s>, is used.
class StartOnlyTokenizer final : public Tokenizer {
 public:
  std::string kind() const override { return "start-only"; }
  std::int64_t vocab_size() const override { return 19; }
  std::int64_t encode_line(std::string_view, std::vector<std::int32_t>&) const override {
    return 0;
  }
  std::string decode(std::span<const std::int32_t>) const override { return {}; }
  std::int32_t start_id() const override { return 2; }
  bool ends_line(std::int32_t) const override { return false; }
  void save(const std::filesystem::path&) const override {}
  std::string fingerprint() const override { return "start-only"; }
};

/// Returns ids as a text to score.
inline EvaluationText text_of_ids(std::vector<std::int32_t> ids, TextCounts counts = {}) {
  return {TokenStream::from_ids(std::move(ids)), counts, std::make_shared<StartOnlyTokenizer>(),
          "valid"};
}

}  // namespace longspan::testing
