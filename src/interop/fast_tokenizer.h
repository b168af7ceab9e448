#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "longspan/core/json.h"

// The tokenizer.json of the library tokenizers, which transformers reads.
namespace longspan::interop::fast_tokenizer {

inline constexpr const char *kFile = "tokenizer.json", *kSettingsFile = "tokenizer_config.json";

/// Returns the normalizer, or decoder, that writes a text for each match.
Json replace(const std::string& regex, const std::string& text);
/// Returns the post-processor that puts a token in front of every text.
Json with_start(const std::string& token, std::int32_t id);
/// Returns a whole document. @param parts of it; what is absent is null
Json document(const Json& parts);
/// Returns the content of the file. @throws Error(Data) for text that is no UTF-8
std::string text_of(const Json& document);
/// Writes tokenizer.json and tokenizer_config.json. @param settings besides the class
void write(const std::filesystem::path& folder, const Json& document, const Json& settings = {});

}  // namespace longspan::interop::fast_tokenizer
