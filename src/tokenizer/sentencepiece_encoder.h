#pragma once

#include <sentencepiece_processor.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/sentencepiece_words.h"
#include "tokenizer/unigram_path.h"
#include "tokenizer/word_table.h"

namespace longspan {

/// What the encoders of one model share; immutable.
struct SentencePieceParts {
  /// @param processor the model's; must outlive this, as must the model's bytes
  SentencePieceParts(const sentencepiece::SentencePieceProcessor& processor,
                     std::string_view model);

  const sentencepiece::SentencePieceProcessor& whole;
  sentencepiece::SentencePieceProcessor bare;  ///< adds and drops no spaces
  SentencePieceFacts facts;
  SentencePieceWords words;
  std::vector<std::int32_t> byte_ids;  ///< by byte; empty without byte_fallback
};

/// Encodes lines to the library's ids, and remembers those of words; for one thread. The model must
/// let its texts be cut (SentencePieceWords::obstacle()).
class SentencePieceEncoder {
 public:
  explicit SentencePieceEncoder(const SentencePieceParts& parts);

  /// Appends the ids of a line. @throws Error(Data) with the library's words
  void encode(std::string_view line, std::vector<std::int32_t>& ids);

 private:
  /// A part's place in scores_.
  struct Scores {
    std::uint32_t first = 0, count = 0;
  };
  /// What is known of a part of lines.
  struct Entry {
    std::uint32_t first_id = 0, num_ids = 0;
    Scores scores;        ///< of a unigram model's pieces
    float magnitude = 0;  ///< the sizes of the scores, added
    float limit = 0;      ///< the ids are right where the magnitudes in front add up to no more
    bool odd = false;     ///< a line with this part must be encoded whole
  };
  struct Encoded {
    std::vector<std::int32_t> ids;
    std::string text;  ///< normalized
  };

  bool encode_part(std::string_view part, std::vector<std::int32_t>& ids);
  Entry learn(std::string_view part);
  std::optional<Encoded> encode_bare(std::string_view part) const;
  bool learn_scores(const Encoded& encoded, Entry& entry);
  void append_exactly(std::string_view part, std::vector<std::int32_t>& ids);
  std::vector<std::int32_t> ids_of(const std::vector<UnigramPath::Step>& steps,
                                   std::string_view text) const;
  void append(std::span<const std::int32_t> part_ids, std::vector<std::int32_t>& ids) const;
  void add_pending();
  void forget(std::size_t num_ids, std::size_t num_scores);

  const SentencePieceParts& parts_;
  const bool is_unigram_;
  const std::int32_t unknown_id_;
  std::optional<UnigramPath> path_;
  WordTable table_;             // of the parts that are remembered
  std::vector<Entry> entries_;  // by number
  std::vector<std::int32_t> ids_;
  std::vector<double> scores_;
  std::string scratch_;
  // Of the line so far. A unigram model's scores are added up where they are asked for.
  std::size_t line_begin_ = 0;  // in the ids that are appended to
  double magnitude_ = 0;
  float sum_ = 0;  // without pending_
  std::vector<Scores> pending_;
};

}  // namespace longspan
