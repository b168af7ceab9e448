#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "longspan/core/json.h"
#include "longspan/tokenizer/tokenizer.h"

namespace longspan {

/// One row of the registry: all that the module knows of a kind.
struct TokenizerEntry {
  std::string_view name;
  TokenizerKind value;
  std::vector<std::string> options;  ///< the keys of data.tokenizer that have an effect
  void (*read)(const config::Reader& reader, TokenizerConfig& config);
  /// Writes the options that have an effect.
  void (*describe)(const TokenizerConfig& config, Json& description);
  std::unique_ptr<Tokenizer> (*build)(const TokenizerConfig& config, const TrainingText& text);
  /// @param description what save() wrote to tokenizer.json
  std::unique_ptr<Tokenizer> (*load)(const std::filesystem::path& folder, const Json& description);
};

const TokenizerEntry& word_tokenizer_entry();
const TokenizerEntry& sentencepiece_tokenizer_entry();
const TokenizerEntry& byte_tokenizer_entry();
const TokenizerEntry& id_tokenizer_entry();

/// The file of the tokenizer's folder that says what it is; FORMAT.md gives its fields.
inline constexpr std::string_view kTokenizerFile = "tokenizer.json";
/// Writes tokenizer.json: the fields that every kind has, then the kind's own.
void save_description(const Tokenizer& tokenizer, const std::filesystem::path& folder,
                      const Json& options);
/// Throws Error(Data) when a tokenizer's fingerprint is not that of its tokenizer.json.
void check_fingerprint(const std::filesystem::path& folder, const Json& description,
                       const std::string& found);
/// Throws Error(Data) for an id that the tokenizer does not have.
void check_token_id(const Tokenizer& tokenizer, std::int32_t id);

}  // namespace longspan
