#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "longspan/data/shards.h"

namespace longspan {

/// The size that a text has when it is the published corpus that data.expect names.
struct ExpectedSize {
  std::string corpus;
  std::int64_t vocab_size = 0;
  std::int64_t train_tokens = 0;
};

/// Returns the expected size of a config's text; nothing when no corpus is expected, or when the
/// tokenizer is not the one that it was counted with (words, the vocabulary padded to a multiple of
/// 8).
std::optional<ExpectedSize> expected_size(const DataConfig& config);

}  // namespace longspan
