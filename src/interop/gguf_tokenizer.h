#pragma once

#include <filesystem>
#include <string>

#include "interop/gguf_file.h"
#include "longspan/tokenizer/tokenizer.h"

namespace longspan::interop {

/// Adds the keys of a tokenizer: the start of a text goes in front of each, and no token of a text
/// ends it. @param scratch an empty folder  @return llama.cpp's name of its kind; empty, with a
/// warning, where llama.cpp has none that gives the same ids
std::string add_gguf_tokenizer(const Tokenizer& tokenizer, const std::filesystem::path& scratch,
                               GgufFile& file);

}  // namespace longspan::interop
