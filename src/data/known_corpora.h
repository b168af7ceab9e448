#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

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
  KnownCorpus value = KnownCorpus::None;
  std::int64_t vocab_size =
      0;  ///< of the word tokenizer made from train, padded to a multiple of 8
  std::array<PublishedSplit, 3> splits;
};

/// What data.expect may name; None looks at nothing.
// Words and lines of arXiv:1609.07843's files; words + lines are the published numbers of tokens
// (WikiText-103: 103,227,021 / 217,646 / 245,569), each line ending in one. The vocabularies are
// fairseq's: four specials, the words of train, dummies up to a multiple of 8.
inline constexpr std::array kKnownCorpora{
    PublishedCorpus{"none", KnownCorpus::None, 0, {}},
    PublishedCorpus{"wikitext-2",
                    KnownCorpus::WikiText2,
                    33280,
                    {{{"train", 36718, 2051910}, {"valid", 3760, 213886}, {"test", 4358, 241211}}}},
    PublishedCorpus{
        "wikitext-103",
        KnownCorpus::WikiText103,
        267744,
        {{{"train", 1801350, 101425671}, {"valid", 3760, 213886}, {"test", 4358, 241211}}}},
};

/// Returns what tells shards from the corpus, "train must have 5 tokens, found 7; ...", or "" when
/// nothing does. Splits that the shards lack are not looked at. With tokenizers other than words,
/// words are counted instead of tokens and the vocabulary may have any size.
std::string difference_from(const PublishedCorpus& corpus, const TokenizerConfig& tokenizer,
                            const ShardFolder& shards);

}  // namespace longspan
