// The table of tokenizer kinds and everything that loops over it. A new kind is one row here.
#include <algorithm>
#include <cstdint>

#include "longspan/core/error.h"
#include "tokenizer/kinds.h"

namespace longspan {
namespace {

constexpr std::string_view kFormat = "longspan.tokenizer/1";

const std::vector<const TokenizerKind*>& table() {
  static const std::vector<const TokenizerKind*> kTable = {
      &word_tokenizer_kind(),
      &sentencepiece_tokenizer_kind(),
      &byte_tokenizer_kind(),
      &id_tokenizer_kind(),
  };
  return kTable;
}

const TokenizerKind* find_kind(const std::string& name) {
  for (const TokenizerKind* kind : table()) {
    if (kind->name == name) return kind;
  }
  return nullptr;
}

const TokenizerKind& kind_of(const TokenizerConfig& config) {
  const TokenizerKind* kind = find_kind(config.kind);
  check(kind != nullptr, ErrorKind::Internal, "no tokenizer kind is named ", config.kind);
  return *kind;
}

void check_no_option_of_another_kind(const config::Reader& reader, const TokenizerKind& chosen) {
  for (const TokenizerKind* kind : table()) {
    for (const std::string& option : kind->options) {
      const bool own = std::ranges::find(chosen.options, option) != chosen.options.end();
      check(own || !reader.has(option), ErrorKind::Config, reader.place(option),
            " has no effect with tokenizer kind ", chosen.name, "; remove it");
    }
  }
}

std::unique_ptr<Tokenizer> load_described(const std::filesystem::path& folder,
                                          const Json& description) {
  const std::filesystem::path path = folder / kTokenizerFile;
  const auto format = description.at("format").get<std::string>();
  check(format == kFormat, ErrorKind::Data, path.string(), ": format must be ", kFormat, ", got ",
        format);
  const auto name = description.at("kind").get<std::string>();
  const TokenizerKind* kind = find_kind(name);
  check(kind != nullptr, ErrorKind::Data, path.string(),
        ": kind must be a known tokenizer kind, got ", name);
  std::unique_ptr<Tokenizer> tokenizer = kind->load(folder, description);
  const auto expected = description.at("fingerprint").get<std::string>();
  check(tokenizer->fingerprint() == expected, ErrorKind::Data, folder.string(),
        ": the tokenizer is damaged: its fingerprint must be ", expected, ", got ",
        tokenizer->fingerprint());
  return tokenizer;
}

}  // namespace

std::vector<std::string> tokenizer_kinds() {
  std::vector<std::string> names;
  for (const TokenizerKind* kind : table()) names.push_back(kind->name);
  return names;
}

TokenizerConfig read_tokenizer_config(const config::Reader& reader) {
  TokenizerConfig config;
  config.kind = reader.choice("kind", tokenizer_kinds(), config.kind);
  const TokenizerKind& kind = kind_of(config);
  check_no_option_of_another_kind(reader, kind);
  kind.read(reader, config);
  reader.finish();
  return config;
}

std::string describe_tokenizer_config(const TokenizerConfig& config) {
  Json description;
  description["kind"] = config.kind;
  kind_of(config).describe(config, description);
  return description.dump();
}

std::unique_ptr<Tokenizer> build_tokenizer(const TokenizerConfig& config,
                                           const LineSource& training_lines) {
  return kind_of(config).build(config, training_lines);
}

std::unique_ptr<Tokenizer> load_tokenizer(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / kTokenizerFile;
  try {
    return load_described(folder, read_json(path));
  } catch (const Json::exception& cause) {
    std::throw_with_nested(
        Error(ErrorKind::Data,
              concat(path.string(), ": a field is missing or of the wrong type: ", cause.what())));
  } catch (const Error& cause) {
    if (cause.kind() != ErrorKind::Io) throw;
    std::throw_with_nested(Error(ErrorKind::Data, concat("a tokenizer must be loadable from ",
                                                         folder.string(), ": ", cause.what())));
  }
}

void save_description(const Tokenizer& tokenizer, const std::filesystem::path& folder,
                      const Json& options) {
  Json description;
  description["format"] = kFormat;
  description["kind"] = tokenizer.kind();
  description["vocab_size"] = tokenizer.vocab_size();
  description["fingerprint"] = tokenizer.fingerprint();
  description.update(options);
  write_json(folder / kTokenizerFile, description);
}

void check_token_id(const Tokenizer& tokenizer, std::int32_t id) {
  check(id >= 0 && id < tokenizer.vocab_size(), ErrorKind::Data, "a token id must be in 0 .. ",
        tokenizer.vocab_size() - 1, " for this ", tokenizer.kind(), " tokenizer, got ", id);
}

}  // namespace longspan
