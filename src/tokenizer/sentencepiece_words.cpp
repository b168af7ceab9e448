// Two things decide. Pieces: none may reach over the place of a cut. And the normalizer, which goes
// through a text from left to right by rules: none may reach over a space or touch the spaces.
#include "tokenizer/sentencepiece_words.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "longspan/core/error.h"
#include "longspan/core/utf8.h"
#include "tokenizer/sentencepiece_charsmap.h"

namespace longspan {
namespace {

constexpr std::string_view kSpaceSymbol = "\xE2\x96\x81";
constexpr char32_t kSpacePoint = 0x2581;

bool has_space(std::string_view text) {
  return text.find(' ') != std::string_view::npos ||
         text.find(kSpaceSymbol) != std::string_view::npos;
}

// Returns the first character of a text and takes it off. Of what is no UTF-8, a byte.
char32_t take_character(std::string_view& text) {
  const auto byte = [&](std::size_t at) {
    return static_cast<char32_t>(static_cast<unsigned char>(text[at]));
  };
  const char32_t first = byte(0);
  const std::size_t size = utf8_size(text.front());
  char32_t point = size == 1 ? first : first & (0x7Fu >> size);
  if (size > text.size()) {
    text.remove_prefix(1);
    return first;
  }
  for (std::size_t i = 1; i < size; ++i) point = point << 6 | (byte(i) & 0x3F);
  text.remove_prefix(size);
  return point;
}

// Returns whether a piece goes on behind a run of spaces (a suffix of words), or in front of one.
bool reaches_across(std::string_view piece, bool spaces_first) {
  bool seen = false;
  while (!piece.empty()) {
    const char32_t point = take_character(piece);
    const bool is_space = point == ' ' || point == kSpacePoint;
    if (seen && is_space != spaces_first) return true;
    seen = seen || is_space == spaces_first;
  }
  return false;
}

}  // namespace

SentencePieceWords::SentencePieceWords(const SentencePieceFacts& facts) : facts_(facts) {
  odd_.push_back(kSpacePoint);
  find_piece_across_spaces();
  if (obstacle_.empty()) find_rules_of_spaces();
  std::ranges::sort(odd_);
  odd_.erase(std::unique(odd_.begin(), odd_.end()), odd_.end());
}

bool SentencePieceWords::is_odd(std::string_view part) const {
  if (find_invalid_utf8(part) != std::string_view::npos) return true;
  while (!part.empty())
    if (std::ranges::binary_search(odd_, take_character(part))) return true;
  return false;
}

void SentencePieceWords::find_piece_across_spaces() {
  for (const SentencePieceFacts::Piece& piece : facts_.pieces) {
    if (!piece.is_of_text()) continue;
    if (reaches_across(piece.text, facts_.whitespace_as_suffix))
      obstacle_ = concat("its piece \"", piece.text, "\" reaches across a space");
    else if (piece.text.find('\0') != std::string_view::npos)
      obstacle_ = "it has a piece with a zero byte";
    if (!obstacle_.empty()) return;
  }
}

void SentencePieceWords::find_rules_of_spaces() {
  for (const SentencePieceFacts::Piece& piece : facts_.pieces) {
    const bool is_rule = piece.type == SentencePieceFacts::PieceType::UserDefined &&
                         piece.text.find(' ') != std::string_view::npos;
    if (is_rule) take_rule(piece.text, piece.text);
  }
  if (facts_.charsmap.empty()) return;
  const auto take = [&](std::string_view from, std::string_view to) { take_rule(from, to); };
  if (!for_each_rule(facts_.charsmap, take) && obstacle_.empty())
    obstacle_ = "its normalizer has too many rules";
}

// A rule is looked for from each character on that no earlier rule took.
void SentencePieceWords::take_rule(std::string_view from, std::string_view to) {
  if (from == " " && to == " ") return;
  if (from.find_first_not_of(' ') == std::string_view::npos)
    obstacle_ = "its normalizer has a rule for spaces";
  else if (from.front() == ' ')
    mark_by(from.substr(from.find_first_not_of(' ')));
  else if (from.find(' ') != std::string_view::npos || to.empty() || has_space(to))
    mark_by(from);
}

void SentencePieceWords::mark_by(std::string_view text) { odd_.push_back(take_character(text)); }

}  // namespace longspan
