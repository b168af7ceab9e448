#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "longspan/core/random.h"

namespace longspan {

/// Changes with every change of the synthetic text, so that shards of an older one are not taken
/// for it.
inline constexpr int kSyntheticTextVersion = 1;

/// Words of one part of speech. Word i belongs to the meaning i % kMeanings, where it has the rank
/// i / kMeanings; words of one meaning go together.
using Lexicon = std::vector<std::string>;

/// What all synthetic texts share: words and names, a function of their number alone.
struct SyntheticLanguage {
  static constexpr std::size_t kMeanings = 8;

  explicit SyntheticLanguage(std::int64_t vocab_words);

  Lexicon nouns, verbs, adjectives, adverbs;
  std::vector<std::string> first_names, surnames, places;
};

/// Returns a word of a meaning: rank r of n comes with the weight 1 / ((r + 1) (r + 2)).
const std::string& usual_word(const Lexicon& lexicon, std::size_t meaning, RandomStream& random);

/// Returns an element with equal chances.
template <class Container>
const auto& pick(const Container& elements, RandomStream& random) {
  return elements[static_cast<std::size_t>(random.below(std::size(elements)))];
}

}  // namespace longspan
