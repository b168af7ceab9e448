#pragma once

#include <array>
#include <filesystem>
#include <string>

#include "longspan/core/json.h"
#include "longspan/tokenizer/tokenizer.h"

namespace longspan::interop {

/// Writes the files of a tokenizer for transformers' AutoTokenizer into a folder. It gives the ids
/// that a prompt has here, the start of a text in front. What transformers would do otherwise is
/// warned of. @return the file that holds it; empty, with a warning, where there is none that gives
/// the same ids. Words have their dict.txt beside it, from which import makes them again.
std::string write_folder_tokenizer(const Tokenizer& tokenizer, const std::filesystem::path& folder);

/// Returns the tokenizer.json of a tokenizer of the kind bytes, or word.
Json bytes_document(const Tokenizer& tokenizer);
Json words_document(const Tokenizer& tokenizer);

/// Returns the characters by which tokenizers of bytes are written: those that are printed stand
/// for themselves, the others for 256, 257, ... in their order.
std::array<std::string, 256> byte_characters();

inline constexpr const char* kDictionaryFile = "dict.txt";

}  // namespace longspan::interop
