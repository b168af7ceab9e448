#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "longspan/core/json.h"
#include "longspan/data/text.h"

namespace longspan {

/// How another project's file of token ids is laid out; src/data/FORMAT.md has the bytes.
enum class TokenFormat {
  Auto,      ///< by what the file and an index beside it say of themselves
  NanoGpt,   ///< unsigned ids of two bytes and nothing else
  LlmC,      ///< a header of 256 int32
  Megatron,  ///< an .idx beside, of Megatron or GPT-NeoX
  Fairseq,   ///< an .idx beside, of fairseq-preprocess
};
/// Returns a format as config files spell it.
std::string_view name_of(TokenFormat format);

/// Files of token ids that other projects wrote. They are read where they lie.
struct TokenFilesConfig {
  std::vector<std::string> patterns;  ///< paths or globs of .bin files, or such paths without .bin
  TokenFormat format = TokenFormat::Auto;
};

/// Where the tokens of a split come from: a text, or files of ids in its place. Then the text is
/// empty.
struct SourceConfig : TextConfig {
  std::optional<TokenFilesConfig> tokens;
};

class TokenStream;

/// Reads `key` of the data section: {tokens: PATHS, format: FORMAT}, or what read_text_config()
/// takes.
SourceConfig read_source_config(const config::Reader& reader, std::string_view key);

/// Returns the files of a source in order (globs sorted). @throws Error(Data) when one is not there
std::vector<std::string> token_files(const TokenFilesConfig& config);
/// Returns the tokens of a source by its files' headers. @throws Error(Data)
std::int64_t count_tokens(const TokenFilesConfig& config);
/// Opens files of ids. @param vocab_size that ids must be below; one that is not is an Error(Data)
/// when it is first read, which names file and place
TokenStream open_token_files(const TokenFilesConfig& config, std::int64_t vocab_size);
/// Returns the file of ids that a text names, as FORMAT:PATH or as the path of a file that says its
/// format itself; nothing where it names none. @throws Error(Data) for a file that cannot be read
std::optional<TokenFilesConfig> token_file_named(const std::string& name);
/// Returns what a file of ids is, for `inspect`. @param verify read all of it and its index
/// @throws Error(Data)
Json describe_token_file(const std::filesystem::path& path, bool verify);

}  // namespace longspan
