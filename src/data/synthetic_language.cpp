// Made-up pronounceable words. Only additions and divisions of doubles stand behind the choices, so
// that every machine makes the same ones.
#include "data/synthetic_language.h"

#include <algorithm>
#include <limits>
#include <string_view>
#include <unordered_set>

namespace longspan {
namespace {

constexpr std::uint64_t kLanguageSeed = 2108'12409;
constexpr std::uint64_t kLanguageIndex =
    std::numeric_limits<std::uint64_t>::max();  // articles count from 0

constexpr std::string_view kOnsets[] = {"b",  "d",  "f",  "g",  "h",  "k", "l", "m",
                                        "n",  "p",  "r",  "s",  "t",  "v", "w", "br",
                                        "dr", "gr", "kl", "pl", "st", "tr"};
constexpr std::string_view kVowels[] = {"a", "e", "i", "o", "u", "ai", "ea", "ou"};
constexpr std::string_view kCodas[] = {"", "", "", "l", "m", "n", "r", "s", "t", "nd", "rk", "st"};

/// Makes words, no two the same.
class WordMaker {
 public:
  WordMaker() : random_(kLanguageSeed, RandomPurpose::SyntheticText, kLanguageIndex) {}

  std::vector<std::string> make(std::int64_t count, std::string_view ending, bool capital) {
    std::vector<std::string> words;
    while (static_cast<std::int64_t>(words.size()) < count) {
      std::string word = make_one(ending, capital);
      if (seen_.insert(word).second) words.push_back(std::move(word));
    }
    return words;
  }

 private:
  std::string make_one(std::string_view ending, bool capital) {
    std::string word;
    for (std::uint64_t syllables = random_.below(3) == 0 ? 1 : 2; syllables > 0; --syllables) {
      word += pick(kOnsets, random_);
      word += pick(kVowels, random_);
    }
    word += pick(kCodas, random_);
    word += ending;
    if (capital) word[0] = static_cast<char>(word[0] - 'a' + 'A');
    return word;
  }

  RandomStream random_;
  std::unordered_set<std::string> seen_;
};

// Rounds up to whole meanings, one word for each at least.
std::int64_t share(std::int64_t vocab_words, std::int64_t percent) {
  constexpr auto kMeanings = static_cast<std::int64_t>(SyntheticLanguage::kMeanings);
  return (vocab_words * percent / 100 + kMeanings) / kMeanings * kMeanings;
}

}  // namespace

SyntheticLanguage::SyntheticLanguage(std::int64_t vocab_words) {
  WordMaker maker;
  nouns = maker.make(share(vocab_words, 50), "", false);
  verbs = maker.make(share(vocab_words, 25), "ed", false);
  adjectives = maker.make(share(vocab_words, 20), "ic", false);
  adverbs = maker.make(share(vocab_words, 4), "ly", false);
  first_names = maker.make(share(vocab_words, 3), "", true);
  surnames = maker.make(share(vocab_words, 5), "", true);
  places = maker.make(share(vocab_words, 2), "ville", true);
}

const std::string& usual_word(const Lexicon& lexicon, std::size_t meaning, RandomStream& random) {
  const std::size_t ranks = lexicon.size() / SyntheticLanguage::kMeanings;
  // The weights up to rank r sum to 1 - 1 / (r + 2); the last rank takes what is left.
  const auto rank = static_cast<std::size_t>(1.0 / (1.0 - random.uniform())) - 1;
  return lexicon[std::min(rank, ranks - 1) * SyntheticLanguage::kMeanings + meaning];
}

}  // namespace longspan
