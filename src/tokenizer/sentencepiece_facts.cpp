// The numbers of the fields are those of the library's sentencepiece_model.proto, which are fixed.
#include "longspan/tokenizer/sentencepiece_facts.h"

#include "tokenizer/message_fields.h"

namespace longspan {
namespace {

using Facts = SentencePieceFacts;

Facts::Piece read_piece(std::string_view message, const std::string& source) {
  Facts::Piece piece;
  for (MessageFields fields(message, source); fields.next();) {
    if (fields.number() == 1) piece.text = fields.content();
    if (fields.number() == 2) piece.score = fields.real();
    if (fields.number() == 3) piece.type = static_cast<Facts::PieceType>(fields.integer());
  }
  return piece;
}

void read_trainer(std::string_view message, const std::string& source, Facts& facts) {
  for (MessageFields fields(message, source); fields.next();) {
    if (fields.number() == 3) facts.kind = static_cast<Facts::Kind>(fields.integer());
    if (fields.number() == 24) facts.whitespace_as_suffix = fields.integer() != 0;
    if (fields.number() == 35) facts.byte_fallback = fields.integer() != 0;
  }
}

void read_normalizer(std::string_view message, const std::string& source, Facts& facts) {
  for (MessageFields fields(message, source); fields.next();) {
    if (fields.number() == 2) facts.charsmap = fields.content();
    if (fields.number() == 3) facts.dummy_space = fields.integer() != 0;
    if (fields.number() == 4) facts.collapses_spaces = fields.integer() != 0;
  }
}

}  // namespace

SentencePieceFacts read_sentencepiece_facts(std::string_view model, const std::string& source) {
  Facts facts;
  for (MessageFields fields(model, source); fields.next();) {
    if (fields.number() == 1) facts.pieces.push_back(read_piece(fields.content(), source));
    if (fields.number() == 2) read_trainer(fields.content(), source, facts);
    if (fields.number() == 3) read_normalizer(fields.content(), source, facts);
  }
  return facts;
}

}  // namespace longspan
