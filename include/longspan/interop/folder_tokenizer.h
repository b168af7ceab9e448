#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace longspan {

/// Returns the section data.tokenizer, as YAML in flow form, for the model of a folder of
/// transformers: its tokenizer.model, used on whole texts as tokenizer_config.json says, where it
/// is there and fits the model, else plain ids. What differs from transformers is warned of.
/// @throws Error(Data) for files that are there and cannot be had
std::string folder_tokenizer(const std::filesystem::path& folder, std::int64_t vocab_size);

}  // namespace longspan
