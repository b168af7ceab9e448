// A split of other projects' files in a manifest: each file of ids with what its header says,
// behind it the index if it has one. Size and time of change are trusted, as for texts.
#include "data/token_split.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "data/document_table.h"
#include "data/file_state.h"
#include "data/manifest.h"
#include "data/token_file_set.h"
#include "longspan/config/choice.h"
#include "longspan/core/error.h"
#include "longspan/core/hash.h"
#include "longspan/core/log.h"

namespace longspan {
namespace {

constexpr std::string_view kRole = "a readable file of token ids";

FileState regular_state_of(const std::string& path) {
  const FileState state = state_of(path, kRole);
  check(std::filesystem::is_regular_file(path), ErrorKind::Data, path, ": must be ", kRole,
        ", got: something that is no regular file");
  return state;
}

std::string digest_of(const std::string& path) {
  try {
    return hash_of_file(path);
  } catch (const Error& cause) {
    if (cause.kind() != ErrorKind::Io) throw;
    std::throw_with_nested(
        Error(ErrorKind::Data, concat(path, ": must be ", kRole, ", got: ", cause.what())));
  }
}

Json describe_regular_file(const std::string& path, const std::string& digest) {
  return describe_file(path, regular_state_of(path), digest);
}

std::string file_difference(const Json& was, const std::string& path) {
  return content_difference(was, path, regular_state_of(path), [&] { return digest_of(path); });
}

// Returns what a manifest says of the documents, null where a file does not know its own.
Json write_documents(const std::vector<TokenFile>& files, const std::string& split,
                     const std::filesystem::path& folder) {
  const auto knows = [](const TokenFile& file) {
    return file.layout.index && file.layout.index->num_documents > 0;
  };
  if (!std::ranges::all_of(files, knows)) return {};
  DocumentTableWriter writer(folder, split);
  std::int64_t first = 0;
  for (const TokenFile& file : files) {
    const MappedFile index(index_path(file.path));
    for (const std::int64_t place : document_places(index, *file.layout.index))
      writer.add(first + place);
    first += file.layout.num_tokens;
  }
  return writer.finish(first);
}

TokenFormat format_named(const std::string& name) {
  for (const TokenFormat format :
       {TokenFormat::NanoGpt, TokenFormat::LlmC, TokenFormat::Megatron, TokenFormat::Fairseq})
    if (name_of(format) == name) return format;
  throw Error(ErrorKind::Data,
              concat("a split's format must be one that is known, found ", name, kPrepareAgain));
}

}  // namespace

Json describe_token_split(const std::string& split, const TokenFilesConfig& config,
                          const Tokenizer& tokenizer, const std::filesystem::path& folder) {
  const std::vector<TokenFile> files = open_files(config);
  log::info("reading the ids of a split once", {{"split", split}, {"files", files.size()}});
  Json described = Json::array();
  std::int64_t tokens = 0, largest_id = 0;
  for (const TokenFile& file : files) {
    const TokenScan scan = scan_token_file(file, tokenizer.vocab_size());
    Json entry = describe_regular_file(file.path.string(), scan.digest);
    entry["format"] = name_of(file.layout.format);
    entry["dtype"] = row_of(file.layout.type).name;
    entry["tokens"] = file.layout.num_tokens;
    described.push_back(std::move(entry));
    const std::string index = file.layout.index ? index_path(file.path).string() : "";
    if (!index.empty()) described.push_back(describe_regular_file(index, digest_of(index)));
    tokens += file.layout.num_tokens;
    largest_id = std::max(largest_id, scan.largest_id);
  }
  log::info(
      "token files are read where they lie",
      {{"split", split}, {"files", files.size()}, {"tokens", tokens}, {"largest_id", largest_id}});
  Json result{{"name", split},    {"source", {{"files", described}}},
              {"tokens", tokens}, {"lines", 0},
              {"words", 0},       {"bytes", 0}};
  Json documents = write_documents(files, split, folder);
  if (!documents.is_null()) result["documents"] = std::move(documents);
  return result;
}

bool is_token_split(const Json& split) { return !split.contains("shards"); }

std::string token_split_difference(const Json& split, const TokenFilesConfig& config) {
  const Json& described = split.at("source").at("files");
  const std::vector<TokenFile> files = open_files(config);
  std::size_t place = 0;
  const auto next_difference = [&](const std::string& path) {
    return place < described.size() ? file_difference(described[place++], path)
                                    : concat("it had no file ", path);
  };
  for (const TokenFile& file : files) {
    const std::string path = file.path.string();
    std::string difference = next_difference(path);
    if (!difference.empty()) return difference;
    const Json& was = described[place - 1];
    const std::string format(name_of(file.layout.format));
    if (was.value("format", "") != format)
      return concat("the format of ", path, " was ", was.value("format", "none"), ", is ", format);
    if (file.layout.index) difference = next_difference(index_path(file.path).string());
    if (!difference.empty()) return difference;
  }
  if (place == described.size()) return "";
  return concat("it had the file ", described[place].at("path").get<std::string>(), " too");
}

std::shared_ptr<const StoredTokens> open_token_split(const Json& split, std::int64_t vocab_size) {
  std::vector<TokenFile> files;
  for (const Json& was : split.at("source").at("files")) {
    const auto path = was.at("path").get<std::string>();
    const std::string difference = file_difference(was, path);
    check(difference.empty(), ErrorKind::Data, path,
          ": a file of token ids must stay as it was when the data was prepared: ", difference,
          "; restore it", kPrepareAgain);
    if (!was.contains("format")) continue;  // an index
    TokenFile file = open_token_file(path, format_named(was.at("format").get<std::string>()));
    file.digest = was.at("digest").get<std::string>();
    check(file.layout.num_tokens == whole_number(was, "tokens") &&
              row_of(file.layout.type).name == was.at("dtype").get<std::string>(),
          ErrorKind::Data, path, ": must hold ", was.at("tokens"), " ids of type ",
          was.at("dtype").get<std::string>(), " as in the manifest, found ", file.layout.num_tokens,
          " of ", row_of(file.layout.type).name, kPrepareAgain);
    files.push_back(std::move(file));
  }
  return std::make_shared<const TokenFileSet>(std::move(files), vocab_size);
}

}  // namespace longspan
