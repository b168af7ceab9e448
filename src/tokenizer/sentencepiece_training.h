#pragma once

#include <string>

#include "longspan/tokenizer/tokenizer.h"

namespace longspan {

/// Trains a SentencePiece model and returns the bytes of its model file; a function of the config
/// and the text.
/// @throws Error(Data) with the library's words
std::string train_sentencepiece(const TokenizerConfig& config, const LineSource& training_lines);

/// Returns whether the library's trainer has an option of that name.
bool knows_trainer_option(const std::string& name);
/// Returns in the library's words what it has against a value of an option; empty where nothing.
std::string objection_to_trainer_option(const std::string& name, const std::string& value);

}  // namespace longspan
