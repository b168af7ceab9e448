#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "longspan/tokenizer/sentencepiece_facts.h"
#include "tokenizer/word_table.h"

namespace longspan {

/// Finds the likeliest pieces of a normalized text under a unigram model, with the library's
/// roundings: it adds scores in float from the beginning of a line on, so that two ways of cutting
/// a word that are nearly as likely may be told apart by what stands before the word.
class UnigramPath {
 public:
  struct Step {
    std::int32_t id = 0;
    std::size_t begin = 0, end = 0;  ///< bytes of the text
    double score = 0;
  };

  explicit UnigramPath(const SentencePieceFacts& facts);

  /// Returns the steps that the library takes through a text in front of which the scores add up to
  /// `before`; valid until the next call.
  const std::vector<Step>& find(std::string_view text, float before);
  /// Returns by how much the best way through a text is better than any other, without roundings;
  /// infinity when there is no other.
  double margin(std::string_view text);
  /// Returns the sum as the library has it with one score more.
  static float add(float sum, double score) {
    return static_cast<float>(static_cast<double>(sum) + score);
  }
  /// Returns a bound of the size of a step's score.
  double largest_score() const { return largest_score_; }

 private:
  struct Candidate {
    std::int32_t id;
    std::size_t end;
    double score;
  };
  void find_candidates(std::string_view text, std::size_t begin);

  WordTable texts_;
  std::vector<std::int32_t> ids_;  // by number of the text
  std::vector<double> scores_;     // by number of the text
  std::size_t longest_ = 0;        // bytes of a piece
  std::int32_t unknown_id_ = 0;
  float unknown_score_ = 0;
  double largest_score_ = 0;
  std::vector<Candidate> candidates_;
  struct Node {
    Step step;
    float sum = 0;
    bool reached = false;
  };
  std::vector<Node> nodes_;
  std::vector<Step> steps_;
};

}  // namespace longspan
