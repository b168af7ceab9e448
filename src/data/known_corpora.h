#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "longspan/data/shards.h"

namespace longspan {

/// A split of a published text. Words are separated by whitespace.
struct PublishedSplit {
  std::string_view name;  ///< train | valid | test
  std::int64_t lines = 0;
  std::int64_t words = 0;
};

/// The size of a published corpus.
struct PublishedCorpus {
  std::string_view name;
  std::int64_t vocab_size =
      0;  ///< of the word tokenizer made from train, padded to a multiple of 8
  std::array<PublishedSplit, 3> splits;
};

/// The value of data.expect that looks at nothing.
inline constexpr std::string_view kExpectNothing = "none";

/// Returns the names that data.expect may have, kExpectNothing first.
std::vector<std::string> known_corpora();
/// Returns a corpus by its name, one of known_corpora() other than kExpectNothing.
const PublishedCorpus& known_corpus(std::string_view name);

/// Returns what tells shards from the corpus, "train must have 5 tokens, found 7; ...", or "" when
/// nothing does. Splits that the shards lack are not looked at. With tokenizers other than words,
/// words are counted instead of tokens and the vocabulary may have any size.
std::string difference_from(const PublishedCorpus& corpus, const TokenizerConfig& tokenizer,
                            const ShardFolder& shards);

}  // namespace longspan
