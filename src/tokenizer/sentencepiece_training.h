#pragma once

#include <string>

#include "longspan/tokenizer/tokenizer.h"

namespace longspan {

/// Trains a SentencePiece model and returns the bytes of its model file; a function of the config
/// and the text.
/// @throws Error(Data) with the library's words
std::string train_sentencepiece(const TokenizerConfig& config, const LineSource& training_lines);

}  // namespace longspan
