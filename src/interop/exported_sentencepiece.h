#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "longspan/core/json.h"
#include "longspan/tokenizer/sentencepiece_facts.h"
#include "longspan/tokenizer/tokenizer.h"

namespace longspan::interop {

/// As write_folder_tokenizer(), for the kind sentencepiece. tokenizer.model is written always, for
/// other programs; transformers reads tokenizer.json where it is there.
std::string write_sentencepiece_tokenizer(const Tokenizer& tokenizer,
                                          const std::filesystem::path& folder);

/// Returns the tokenizer.json of a model; nothing where that would give other ids.
std::optional<Json> unigram_document(const Tokenizer& tokenizer, const SentencePieceFacts& facts);

inline constexpr const char* kSentencePieceFile = "tokenizer.model";

}  // namespace longspan::interop
