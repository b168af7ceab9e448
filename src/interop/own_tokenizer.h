#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "longspan/tokenizer/tokenizer.h"

namespace longspan::interop {

/// A tokenizer of ours in a folder of transformers.
struct OwnTokenizer {
  std::string section;  ///< data.tokenizer, as YAML in flow form
  std::int64_t vocab_size = 0;
};

/// Returns the tokenizer of ours whose tokenizer.json a folder has; nothing where the file is of
/// another tokenizer, is not there, or lacks the file beside it that import needs (dict.txt of
/// words, tokenizer.model). @throws Error(Data) for files that cannot be read
std::optional<OwnTokenizer> own_tokenizer(const std::filesystem::path& folder);

/// Makes the tokenizer of a section. @param file that it reads, for the error
std::unique_ptr<Tokenizer> tokenizer_of(const std::string& section,
                                        const std::filesystem::path& file);
/// Returns an absolute path as YAML.
std::string quoted_path(const std::filesystem::path& file);

}  // namespace longspan::interop
