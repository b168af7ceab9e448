// Documents in stretches that begin with a line break. What the library puts in front of every text
// is then known, and taken off again.

#include "tokenizer/sentencepiece_document.h"

#include <algorithm>

#include "longspan/core/error.h"

namespace longspan {
namespace {

constexpr std::size_t kStretchBytes = std::size_t{1} << 16;

void append(const std::vector<int>& pieces, std::size_t skipped, std::vector<std::int32_t>& ids) {
  ids.insert(ids.end(),
             pieces.begin() + static_cast<std::ptrdiff_t>(std::min(skipped, pieces.size())),
             pieces.end());
}

}  // namespace

DocumentEncoder::DocumentEncoder(const sentencepiece::SentencePieceProcessor& processor,
                                 bool prefix_space)
    : processor_(processor), prefix_space_(prefix_space) {
  const auto one = pieces_of("\n"), two = pieces_of("\n\n");
  if (two.size() <= one.size() || two.size() > 2 * one.size() || has_piece_across_lines()) return;
  num_break_ = two.size() - one.size();
  num_prefix_ = one.size() - num_break_;
  const bool is_known =
      std::ranges::none_of(two, [&](int piece) { return processor_.IsUnknown(piece); });
  // A model may make spaces of line breaks, or drop spaces beside them.
  cuts_ = is_known && is_cut_without_change("a", "\na") && is_cut_without_change("a  ", "\n  a") &&
          is_cut_without_change(" \n", "\n ") && is_cut_without_change("\n", "\n");
}

std::vector<int> DocumentEncoder::pieces_of(std::string_view text) const {
  std::vector<int> pieces;
  const auto status = processor_.Encode(text, &pieces);
  check(status.ok(), ErrorKind::Data, "SentencePiece failed: ", status.ToString());
  return pieces;
}

bool DocumentEncoder::has_piece_across_lines() const {
  for (int id = 0; id < processor_.GetPieceSize(); ++id) {
    const std::string& piece = processor_.IdToPiece(id);
    if (piece.size() > 1 && piece.find('\n') != std::string::npos) return true;
  }
  return false;
}

bool DocumentEncoder::is_cut_without_change(const std::string& front,
                                            const std::string& back) const {
  std::vector<int> cut = pieces_of(front);
  const std::vector<int> rest = pieces_of(back);
  if (rest.size() < num_prefix_) return false;
  cut.insert(cut.end(), rest.begin() + static_cast<std::ptrdiff_t>(num_prefix_), rest.end());
  return cut == pieces_of(front + back);
}

void DocumentEncoder::encode(std::string_view document, std::vector<std::int32_t>& ids) const {
  for (std::size_t begin = 0; begin < document.size();) {
    const std::size_t end =
        cuts_ ? std::min(document.find('\n', begin + kStretchBytes), document.size())
              : document.size();
    const std::string_view stretch = document.substr(begin, end - begin);
    if (begin > 0)
      append(pieces_of(stretch), num_prefix_, ids);
    else if (prefix_space_)
      append(pieces_of(stretch), 0, ids);
    else
      append(pieces_of(concat('\n', stretch)), num_prefix_ + num_break_, ids);
    begin = end;
  }
}

}  // namespace longspan
