#pragma once

#include "longspan/config/reader.h"
#include "longspan/tokenizer/tokenizer.h"

namespace longspan {

/// Reads data.tokenizer of kind sentencepiece. For a model that is trained, a key that longspan has
/// no meaning for is an option of the library's trainer.
void read_sentencepiece_config(const config::Reader& reader, TokenizerConfig& config);

}  // namespace longspan
