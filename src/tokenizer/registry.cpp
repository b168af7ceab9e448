// The table of tokenizer kinds and everything that loops over it. A new kind is one row here.
#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "longspan/config/choice.h"
#include "longspan/core/error.h"
#include "tokenizer/kinds.h"

namespace longspan {
namespace {

constexpr std::string_view kFormat = "longspan.tokenizer/1";

const std::array<TokenizerEntry, 4>& table() {
  static const std::array kTable{
      word_tokenizer_entry(),
      sentencepiece_tokenizer_entry(),
      byte_tokenizer_entry(),
      id_tokenizer_entry(),
  };
  return kTable;
}

const TokenizerEntry& entry_of(const TokenizerConfig& config) {
  return config::row_of(table(), config.kind);
}

void check_no_option_of_another_kind(const config::Reader& reader, const TokenizerEntry& chosen) {
  for (const TokenizerEntry& entry : table()) {
    for (const std::string& option : entry.options) {
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
  const auto entry = std::ranges::find(table(), std::string_view(name), &TokenizerEntry::name);
  check(entry != table().end(), ErrorKind::Data, path.string(),
        ": kind must be a known tokenizer kind, got ", name);
  std::unique_ptr<Tokenizer> tokenizer = entry->load(folder, description);
  check_fingerprint(folder, description, tokenizer->fingerprint());
  return tokenizer;
}

}  // namespace

std::vector<TokenizerKind> tokenizer_kinds() {
  std::vector<TokenizerKind> kinds;
  for (const TokenizerEntry& entry : table()) kinds.push_back(entry.value);
  return kinds;
}

std::string name_of(TokenizerKind kind) { return std::string(config::name_of(table(), kind)); }

TokenizerConfig read_tokenizer_config(const config::Reader& reader) {
  TokenizerConfig config;
  config.kind = config::choice(reader, "kind", table(), config.kind);
  const TokenizerEntry& entry = entry_of(config);
  check_no_option_of_another_kind(reader, entry);
  entry.read(reader, config);
  reader.finish();
  return config;
}

std::string describe_tokenizer_config(const TokenizerConfig& config) {
  Json description;
  description["kind"] = name_of(config.kind);
  entry_of(config).describe(config, description);
  return description.dump();
}

TrainingText::TrainingText(LineSource in_order)
    : lines(std::move(in_order)),
      spread(
          [lines = lines](const std::function<TakeLine()>& make_taker) { lines(make_taker()); }) {}

std::unique_ptr<Tokenizer> build_tokenizer(const TokenizerConfig& config,
                                           const TrainingText& text) {
  return entry_of(config).build(config, text);
}

std::unique_ptr<Tokenizer> build_tokenizer(const TokenizerConfig& config,
                                           const LineSource& training_lines) {
  return build_tokenizer(config, TrainingText(training_lines));
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

void check_fingerprint(const std::filesystem::path& folder, const Json& description,
                       const std::string& found) {
  const auto expected = description.at("fingerprint").get<std::string>();
  check(found == expected, ErrorKind::Data, folder.string(),
        ": the tokenizer is damaged: its fingerprint must be ", expected, ", got ", found);
}

void check_token_id(const Tokenizer& tokenizer, std::int32_t id) {
  check(id >= 0 && id < tokenizer.vocab_size(), ErrorKind::Data, "a token id must be in 0 .. ",
        tokenizer.vocab_size() - 1, " for this ", tokenizer.kind(), " tokenizer, got ", id);
}

}  // namespace longspan
