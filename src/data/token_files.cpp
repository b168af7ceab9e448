// What a config or a command line says of other projects' files of ids.
#include "longspan/data/token_files.h"

#include <algorithm>
#include <system_error>

#include "data/token_file_set.h"
#include "longspan/config/choice.h"
#include "longspan/core/error.h"

namespace longspan {
namespace fs = std::filesystem;
namespace {

constexpr std::array kFormats{
    config::Choice{"auto", TokenFormat::Auto}, config::Choice{"nanogpt", TokenFormat::NanoGpt},
    config::Choice{"llm.c", TokenFormat::LlmC}, config::Choice{"megatron", TokenFormat::Megatron},
    config::Choice{"fairseq", TokenFormat::Fairseq}};
constexpr std::string_view kSuffix = ".bin";

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

// Megatron's and fairseq's options name a file without its suffix.
std::string with_suffix(const std::string& path) {
  return !is_file(path) && is_file(path + std::string(kSuffix)) ? path + std::string(kSuffix)
                                                                : path;
}

void check_token_file(const std::string& path) {
  std::error_code failure;
  const fs::file_status status = fs::status(path, failure);
  check(fs::exists(status), ErrorKind::Data, path, ": must be a file of token ids, found nothing");
  check(fs::is_regular_file(status), ErrorKind::Data, path, ": must be a file of token ids, found ",
        fs::is_directory(status) ? "a folder" : "no file");
}

}  // namespace

std::string_view name_of(TokenFormat format) { return config::name_of(kFormats, format); }

SourceConfig read_source_config(const config::Reader& reader, std::string_view key) {
  SourceConfig source;
  const bool is_map = reader.shape(key) == "map";
  if (!is_map || !reader.section(key).has("tokens")) {
    static_cast<TextConfig&>(source) = read_text_config(reader, key);
    return source;
  }
  const config::Reader section = reader.section(key);
  TokenFilesConfig tokens;
  tokens.patterns = section.paths("tokens");
  check(!tokens.patterns.empty(), ErrorKind::Config, section.place("tokens"),
        " must name at least one file, got none");
  tokens.format = config::choice(section, "format", kFormats, tokens.format);
  section.finish();
  source.tokens = std::move(tokens);
  return source;
}

std::vector<std::string> token_files(const TokenFilesConfig& config) {
  std::vector<std::string> files;
  for (const std::string& pattern : config.patterns) {
    std::vector<std::string> found =
        is_glob(pattern) ? files_there(pattern) : std::vector{with_suffix(pattern)};
    check(!found.empty(), ErrorKind::Data, pattern,
          ": a pattern must match at least one file, found none");
    files.insert(files.end(), found.begin(), found.end());
  }
  std::ranges::for_each(files, check_token_file);
  return files;
}

std::vector<TokenFile> open_files(const TokenFilesConfig& config) {
  std::vector<TokenFile> files;
  for (const std::string& path : token_files(config))
    files.push_back(open_token_file(path, config.format));
  return files;
}

std::int64_t count_tokens(const TokenFilesConfig& config) {
  std::int64_t count = 0;
  for (const TokenFile& file : open_files(config)) count += file.layout.num_tokens;
  return count;
}

TokenStream open_token_files(const TokenFilesConfig& config, std::int64_t vocab_size) {
  return TokenStream(std::make_shared<const TokenFileSet>(open_files(config), vocab_size));
}

std::optional<TokenFilesConfig> token_file_named(const std::string& name) {
  for (const auto& [format, value] : kFormats) {
    const std::string prefix = concat(format, ":");
    if (name.starts_with(prefix)) return TokenFilesConfig{{name.substr(prefix.size())}, value};
  }
  if (!is_file(name) || !names_format(name)) return std::nullopt;
  return TokenFilesConfig{{name}, TokenFormat::Auto};
}

Json describe_token_file(const fs::path& path, bool verify) {
  const bool says_so = names_format(path) || path.extension() == ".idx";
  check(says_so || path.extension() == kSuffix, ErrorKind::Data, path.string(),
        ": must be a file of token ids, found neither llm.c's header nor an .idx beside it, nor a "
        "name that ends in .bin");
  const TokenFile file = open_token_file(path, says_so ? TokenFormat::Auto : TokenFormat::NanoGpt);
  const TokenLayout& layout = file.layout;
  Json result{{"kind", "token file"},
              {"verified", verify},
              {"format", name_of(layout.format)},
              {"dtype", row_of(layout.type).name},
              {"tokens", layout.num_tokens}};
  if (!says_so) result["note"] = "nothing in the file says so: plain ids of two bytes are taken";
  if (layout.index) result["sequences"] = layout.index->num_sequences;
  if (layout.index && layout.index->num_documents > 0)
    result["documents"] = layout.index->num_documents - 1;
  if (verify) {
    const TokenScan scan = scan_token_file(file, std::int64_t{1} << 31);
    result["largest_id"] = scan.largest_id;
    result["digest"] = scan.digest;
  }
  return result;
}

}  // namespace longspan
