#pragma once

#include <filesystem>
#include <string>

#include "longspan/tokenizer/tokenizer.h"

namespace longspan::interop {

/// Writes the files of a tokenizer for transformers' AutoTokenizer into a folder. It gives the ids
/// that a prompt has here, the start of a text in front. What transformers would do otherwise is
/// warned of. @return the file that holds it; empty, with a warning, where there is none that gives
/// the same ids
std::string write_folder_tokenizer(const Tokenizer& tokenizer, const std::filesystem::path& folder);

}  // namespace longspan::interop
