#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "data/token_source.h"
#include "longspan/core/json.h"
#include "longspan/data/token_files.h"
#include "longspan/tokenizer/tokenizer.h"

namespace longspan {

/// Returns what a manifest says of a split whose ids stay in other projects' files. Reads them
/// once, each id of them; where they say where documents begin, that is written to the folder.
/// @throws Error(Data)
Json describe_token_split(const std::string& split, const TokenFilesConfig& config,
                          const Tokenizer& tokenizer, const std::filesystem::path& folder);
/// Returns whether a manifest's split is of such files.
bool is_token_split(const Json& split);
/// Returns how the files of a config differ from those of a split; "" when they are the same. A
/// file is read only when its path or time of change is another. @throws Error(Data)
std::string token_split_difference(const Json& split, const TokenFilesConfig& config);
/// Opens the files of a split, which must be as they were described. @throws Error(Data),
/// Json::exception
std::shared_ptr<const StoredTokens> open_token_split(const Json& split, std::int64_t vocab_size);

}  // namespace longspan
