#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "longspan/tokenizer/sentencepiece_facts.h"

namespace longspan {

/// How a text is cut at spaces so that a model gives each part the pieces that it has in the text.
class SentencePieceWords {
 public:
  explicit SentencePieceWords(const SentencePieceFacts& facts);

  /// Returns why a text cannot be cut; empty where it can.
  const std::string& obstacle() const { return obstacle_; }
  /// Returns whether a text with this part in it must be encoded whole: what the normalizer makes
  /// of the part may hold a space or nothing, or depend on what stands beside it.
  bool is_odd(std::string_view part) const;

  /// Calls take with each part of a text, spaces that the model adds or drops already done so,
  /// until it returns false. @param scratch holds a part that does not stand in the text as it is
  /// @return whether take never returned false
  template <class Take>
  bool cut(std::string_view text, std::string& scratch, const Take& take) const {
    if (facts_.whitespace_as_suffix) return cut_behind_spaces(text, scratch, take);
    return cut_before_spaces(text, scratch, take);
  }

 private:
  static std::size_t end_of_spaces(std::string_view text, std::size_t at) {
    while (at < text.size() && text[at] == ' ') ++at;
    return at;
  }
  static std::size_t end_of_letters(std::string_view text, std::size_t at) {
    while (at < text.size() && text[at] != ' ') ++at;
    return at;
  }

  template <class Take>
  bool cut_before_spaces(std::string_view text, std::string& scratch, const Take& take) const {
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t letters = end_of_spaces(text, at), end = end_of_letters(text, letters);
      const bool first = at == 0;
      std::size_t begin = at;
      at = end;
      if (facts_.collapses_spaces) {
        if (letters == end) break;
        begin = first ? letters : letters - 1;
      }
      std::string_view part = text.substr(begin, end - begin);
      if (first && facts_.dummy_space) part = scratch.assign(1, ' ').append(part);
      if (!take(part)) return false;
    }
    return true;
  }

  template <class Take>
  bool cut_behind_spaces(std::string_view text, std::string& scratch, const Take& take) const {
    std::size_t size = text.size(), at = 0;
    if (facts_.collapses_spaces) {
      while (size > 0 && text[size - 1] == ' ') --size;
      at = end_of_spaces(text.substr(0, size), 0);
    }
    text = text.substr(0, size);
    while (at < size) {
      const std::size_t begin = at, spaces = end_of_letters(text, begin);
      at = end_of_spaces(text, spaces);
      const std::size_t end = facts_.collapses_spaces ? std::min(spaces + 1, size) : at;
      std::string_view part = text.substr(begin, end - begin);
      if (at == size && facts_.dummy_space) part = scratch.assign(part).append(1, ' ');
      if (!take(part)) return false;
    }
    return true;
  }

  void find_piece_across_spaces();
  void find_rules_of_spaces();
  void take_rule(std::string_view from, std::string_view to);
  void mark_by(std::string_view text);

  const SentencePieceFacts& facts_;
  std::string obstacle_;
  std::vector<char32_t> odd_;  // sorted
};

}  // namespace longspan
