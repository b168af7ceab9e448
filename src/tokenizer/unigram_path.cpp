// Viterbi over a text's characters. What decides between equals, and where a sum is rounded, is
// that of the library's encoder; a differential test holds it to that.
#include "tokenizer/unigram_path.h"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <limits>

#include "longspan/core/utf8.h"

namespace longspan {
namespace {

using PieceType = SentencePieceFacts::PieceType;

constexpr float kUnknownPenalty = 10.0f;
// What the library takes off the score of a piece that the user defined.
constexpr double kUserDefinedPenalty = 0.1;

std::size_t character_bytes(std::string_view text, std::size_t at) {
  return std::min(utf8_size(text[at]), text.size() - at);
}

}  // namespace

UnigramPath::UnigramPath(const SentencePieceFacts& facts) {
  float lowest = FLT_MAX, highest = FLT_MIN;
  for (const auto& piece : facts.pieces) {
    if (piece.type != PieceType::Normal) continue;
    lowest = std::min(lowest, piece.score);
    highest = std::max(highest, piece.score);
  }
  unknown_score_ = lowest - kUnknownPenalty;
  largest_score_ = std::abs(static_cast<double>(unknown_score_));
  for (std::size_t id = 0; id < facts.pieces.size(); ++id) {
    const auto& piece = facts.pieces[id];
    if (piece.type == PieceType::Unknown) unknown_id_ = static_cast<std::int32_t>(id);
    if (!piece.is_of_text() || piece.type == PieceType::Unused) continue;
    texts_.insert(piece.text);
    ids_.push_back(static_cast<std::int32_t>(id));
    const bool user_defined = piece.type == PieceType::UserDefined;
    scores_.push_back(user_defined
                          ? static_cast<float>(piece.text.size()) * highest - kUserDefinedPenalty
                          : static_cast<double>(piece.score));
    largest_score_ = std::max(largest_score_, std::abs(scores_.back()));
    longest_ = std::max(longest_, piece.text.size());
  }
}

void UnigramPath::find_candidates(std::string_view text, std::size_t begin) {
  candidates_.clear();
  const std::size_t character = character_bytes(text, begin);
  const std::size_t longest = std::min(longest_, text.size() - begin);
  bool has_character = false;
  for (std::size_t bytes = 1; bytes <= longest; ++bytes) {
    const std::int32_t number = texts_.find(text.substr(begin, bytes));
    if (number < 0) continue;
    const auto at = static_cast<std::size_t>(number);
    candidates_.push_back({ids_[at], begin + bytes, scores_[at]});
    has_character = has_character || bytes == character;
  }
  if (!has_character) candidates_.push_back({unknown_id_, begin + character, unknown_score_});
}

const std::vector<UnigramPath::Step>& UnigramPath::find(std::string_view text, float before) {
  nodes_.assign(text.size() + 1, {});
  nodes_[0].sum = before;
  for (std::size_t begin = 0; begin < text.size(); begin += character_bytes(text, begin)) {
    find_candidates(text, begin);
    for (const Candidate& candidate : candidates_) {
      Node& node = nodes_[candidate.end];
      const double sum = candidate.score + static_cast<double>(nodes_[begin].sum);
      // The library rounds the sum with an unknown piece before it compares.
      const double compared = candidate.id == unknown_id_ ? static_cast<float>(sum) : sum;
      if (node.reached && compared <= static_cast<double>(node.sum)) continue;
      node = {{candidate.id, begin, candidate.end, candidate.score}, static_cast<float>(sum), true};
    }
  }
  steps_.clear();
  for (std::size_t end = text.size(); end > 0; end = steps_.back().begin)
    steps_.push_back(nodes_[end].step);
  std::ranges::reverse(steps_);
  return steps_;
}

double UnigramPath::margin(std::string_view text) {
  constexpr double kNone = -std::numeric_limits<double>::infinity();
  struct Sums {
    double best = kNone, second = kNone;
    void take(double sum) {
      if (sum > best) std::swap(sum, best);
      second = std::max(second, sum);
    }
  };
  std::vector<Sums> sums(text.size() + 1);
  sums[0].best = 0;
  for (std::size_t begin = 0; begin < text.size(); begin += character_bytes(text, begin)) {
    find_candidates(text, begin);
    for (const Candidate& candidate : candidates_) {
      sums[candidate.end].take(sums[begin].best + candidate.score);
      sums[candidate.end].take(sums[begin].second + candidate.score);
    }
  }
  return sums.back().best - sums.back().second;
}

}  // namespace longspan
