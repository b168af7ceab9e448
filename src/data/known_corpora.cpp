// Published corpora by their counts, so that a text that was cut, cleaned or tokenized by someone
// else is noticed before a model is trained on it.
#include "data/known_corpora.h"

#include <algorithm>

#include "longspan/config/choice.h"
#include "longspan/core/error.h"
#include "longspan/data/expected_size.h"

namespace longspan {
namespace {

constexpr std::int64_t kPadMultiple = 8;

/// Collects what differs.
class Differences {
 public:
  void compare(std::string_view where, std::string_view unit, std::int64_t expected,
               std::int64_t found) {
    if (expected == found) return;
    text_ += concat(text_.empty() ? "" : "; ", where, " must have ", expected, ' ', unit,
                    ", found ", found);
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

// In words.
std::int64_t tokens_of(const PublishedSplit& split, const TokenizerConfig& tokenizer) {
  return split.words + (tokenizer.end_of_line ? split.lines : 0);
}

}  // namespace

std::optional<ExpectedSize> expected_size(const DataConfig& config) {
  const TokenizerConfig& tokenizer = config.tokenizer;
  if (config.expect == KnownCorpus::None || tokenizer.kind != TokenizerKind::Word ||
      tokenizer.pad_multiple != kPadMultiple)
    return std::nullopt;
  const PublishedCorpus& corpus = config::row_of(kKnownCorpora, config.expect);
  return ExpectedSize{std::string(corpus.name), corpus.vocab_size,
                      tokens_of(corpus.splits.front(), tokenizer)};
}

std::string difference_from(const PublishedCorpus& corpus, const TokenizerConfig& tokenizer,
                            const ShardFolder& shards) {
  const bool in_words = tokenizer.kind == TokenizerKind::Word;
  const std::vector<std::string> present = shards.splits();
  Differences differences;
  for (const PublishedSplit& split : corpus.splits) {
    const std::string name(split.name);
    if (std::ranges::find(present, name) == present.end()) continue;
    const TextCounts counts = shards.counts(name);
    if (counts.lines > 0)  // of a text, not of ids that others made
      differences.compare(name, "lines", split.lines, counts.lines);
    if (in_words)
      differences.compare(name, "tokens", tokens_of(split, tokenizer), shards.stream(name).size());
    else
      differences.compare(name, "words", split.words, counts.words);
  }
  if (in_words && tokenizer.pad_multiple == kPadMultiple)
    differences.compare("the vocabulary", "ids", corpus.vocab_size,
                        shards.tokenizer().vocab_size());
  return differences.text();
}

}  // namespace longspan
