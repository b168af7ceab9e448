#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace longspan {

/// What a SentencePiece model file says that decides how its words can be told apart. Views into
/// the model's bytes.
struct SentencePieceFacts {
  enum class Kind { Unigram = 1, Bpe = 2, Word = 3, Char = 4 };
  enum class PieceType {
    Normal = 1,
    Unknown = 2,
    Control = 3,
    UserDefined = 4,
    Unused = 5,
    Byte = 6
  };
  struct Piece {
    std::string_view text;
    float score = 0;
    PieceType type = PieceType::Normal;
    /// Returns whether a text may hold the piece.
    bool is_of_text() const {
      return type == PieceType::Normal || type == PieceType::UserDefined ||
             type == PieceType::Unused;
    }
  };

  Kind kind = Kind::Unigram;
  bool byte_fallback = false;
  bool whitespace_as_suffix = false;
  bool dummy_space = true;       ///< a space goes in front of a text, or behind it
  bool collapses_spaces = true;  ///< runs of spaces become one, none at the ends
  std::string_view charsmap;     ///< the normalizer's table
  std::vector<Piece> pieces;     ///< by id
};

/// Reads the facts of a model that the library takes. @param source names it in errors
/// @throws Error(Data)
SentencePieceFacts read_sentencepiece_facts(std::string_view model, const std::string& source);

}  // namespace longspan
