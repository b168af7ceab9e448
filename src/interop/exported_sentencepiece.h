#pragma once

#include <filesystem>
#include <string>

#include "longspan/tokenizer/tokenizer.h"

namespace longspan::interop {

/// As write_folder_tokenizer(), for the kind sentencepiece. tokenizer.model is written always, for
/// other programs; transformers reads tokenizer.json where it is there.
std::string write_sentencepiece_tokenizer(const Tokenizer& tokenizer,
                                          const std::filesystem::path& folder);

}  // namespace longspan::interop
