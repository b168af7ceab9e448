#pragma once

#include <filesystem>

#include "longspan/core/json.h"

namespace longspan {

/// Returns the manifest's list of a saved tokenizer's files. @throws Error(Io)
Json describe_tokenizer_files(const std::filesystem::path& tokenizer_folder);
/// Checks that the files are those of the manifest's list, to the bit. @throws Error(Data) that
/// names the file
void check_tokenizer_files(const std::filesystem::path& tokenizer_folder, const Json& files);

}  // namespace longspan
