#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace longspan {

/// Returns the section data.tokenizer, as YAML in flow form, for the model of a folder of
/// transformers: the tokenizer that an export wrote as tokenizer.json; else its tokenizer.model,
/// used on whole texts as tokenizer_config.json says; else, and where they do not fit the model,
/// plain ids. What differs from transformers is warned of.
/// @throws Error(Data) for files that are there and cannot be had
std::string folder_tokenizer(const std::filesystem::path& folder, std::int64_t vocab_size);

}  // namespace longspan
