// From text to a shard folder, once. The folder is filled under another name and renamed, so a
// failed or killed run leaves nothing that looks whole; what is there already is kept, or refused
// with the difference.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <new>
#include <thread>
#include <utility>

#include "data/document_table.h"
#include "data/encoding.h"
#include "data/known_corpora.h"
#include "data/manifest.h"
#include "data/mixture.h"
#include "data/ordered_work.h"
#include "data/shard_writer.h"
#include "data/source.h"
#include "data/source_checks.h"
#include "data/standard_input.h"
#include "data/token_split.h"
#include "data/tokenizer_files.h"
#include "longspan/config/choice.h"
#include "longspan/core/error.h"
#include "longspan/core/files.h"
#include "longspan/core/log.h"
#include "longspan/data/shards.h"

namespace longspan {
namespace fs = std::filesystem;
namespace {

constexpr std::chrono::minutes kLockPatience{60};
// A small held-out text has up to some 15 % that its training text lacks.
constexpr double kManyUnknown = 0.2;

std::vector<NamedSource> splits_of(const DataConfig& config) {
  std::vector<NamedSource> splits = training_sources(config);
  splits.push_back({"valid", config.valid});
  if (config.test) splits.push_back({"test", *config.test});
  return splits;
}

fs::path shard_folder_of(const DataConfig& config) {
  const fs::path folder = config.shards;
  return folder.has_filename() ? folder : folder.parent_path();  // "a/b/"
}

Json write_split(const NamedSource& named, const Json& source, const Tokenizer& tokenizer,
                 const fs::path& folder, int num_threads) {
  if (named.text.tokens)
    return describe_token_split(named.split, *named.text.tokens, tokenizer, folder);
  ShardWriter writer(folder, named.split, bytes_per_token(tokenizer.vocab_size()));
  DocumentTableWriter documents(folder, named.split);
  const TextCounts counts =
      encode_units(concat("data.", named.split), named.text, tokenizer, num_threads,
                   [&](const EncodedIds& part) {
                     for (const std::size_t place : part.documents)
                       documents.add(writer.num_tokens() + static_cast<std::int64_t>(place));
                     writer.append(part.ids);
                   });
  check(writer.num_tokens() > 0, ErrorKind::Data, "data.", named.split,
        ": the text must give at least one token, got none");
  log::info("encoded", {{"split", named.split},
                        {"tokens", writer.num_tokens()},
                        {"lines", counts.lines},
                        {"unknown", counts.unknown}});
  return {{"name", named.split},           {"source", source},
          {"tokens", writer.num_tokens()}, {"lines", counts.lines},
          {"words", counts.words},         {"bytes", counts.bytes},
          {"unknown", counts.unknown},     {"documents", documents.finish(writer.num_tokens())},
          {"shards", writer.finish()}};
}

std::string tokenizer_difference(const Json& manifest, const TokenizerConfig& config) {
  const Json was = manifest.at("tokenizer").at("config");
  const Json now = parse_json(describe_tokenizer_config(config), "data.tokenizer");
  for (const auto& [key, value] : now.items()) {
    if (!was.contains(key)) return concat("data.tokenizer.", key, " was not set, is ", value);
    if (key == "model" || key == "dictionary") continue;  // judged by its content
    if (was.at(key) != value)
      return concat("data.tokenizer.", key, " was ", was.at(key), ", is ", value);
  }
  for (const auto& [key, value] : was.items())
    if (!now.contains(key)) return concat("data.tokenizer.", key, " was ", value, ", is not set");
  const bool has_model = now.contains("model");
  if (!has_model && !now.contains("dictionary")) return "";
  const std::string& key = has_model ? "model" : "dictionary";
  const std::string& file = has_model ? config.model : config.dictionary;
  std::error_code ignored;
  if (was.at(key) == file && !fs::exists(file, ignored)) {
    log::info("the tokenizer's file is not there any more, the shards' copy stands for it",
              {{concat("data.tokenizer.", key), file}});
    return "";
  }
  const bool same =
      build_tokenizer(config, {})->fingerprint() == manifest.at("tokenizer").at("fingerprint");
  if (same) return "";
  return concat("data.tokenizer.", key, " had another content than ", file);
}

std::string difference_of(const Json& split, const SourceConfig& source) {
  if (is_token_split(split) != source.tokens.has_value())
    return source.tokens ? "it was a text, is token ids" : "it was token ids, is a text";
  return source.tokens ? token_split_difference(split, *source.tokens)
                       : source_difference(split.at("source"), source);
}

std::string split_difference(const Json& manifest, const NamedSource& named) {
  for (const Json& split : manifest.at("splits")) {
    if (split.at("name") != named.split) continue;
    const std::string difference = difference_of(split, named.text);
    return difference.empty() ? "" : concat("data.", named.split, ": ", difference);
  }
  return concat("data.", named.split, " was not set");
}

std::string difference_from(const Json& manifest, const DataConfig& config) {
  std::string difference = tokenizer_difference(manifest, config.tokenizer);
  for (const NamedSource& named : splits_of(config)) {
    if (difference.empty()) difference = split_difference(manifest, named);
  }
  return difference;
}

ShardFolder open_matching(const DataConfig& config, const fs::path& folder) {
  ShardFolder shards = ShardFolder::open(folder);
  const std::string difference =
      difference_from(read_manifest(folder), with_kept_input(config, folder));
  check(difference.empty(), ErrorKind::Data, folder.string(),
        ": the shards were made from something else: ", difference,
        "; name another data.shards or remove the folder");
  return shards;
}

void make_shards(const DataConfig& config, const fs::path& folder, int num_threads) {
  std::vector<std::pair<NamedSource, Json>> splits;
  std::vector<Json> files;
  for (const NamedSource& named : splits_of(config)) {
    check_outside_of_text(folder, named);
    tell_passed_over(named.text);
    splits.emplace_back(named, named.text.tokens
                                   ? Json()
                                   : describe_source(concat("data.", named.split), named.text));
    const Json& source = splits.back().second;
    if (source.contains("files"))
      files.insert(files.end(), source.at("files").begin(), source.at("files").end());
  }
  check_text_key(config.train.text_key, files);
  const std::unique_ptr<Tokenizer> tokenizer =
      build_tokenizer(config.tokenizer, whole_training_text(config, num_threads));
  log::info("tokenizer ready",
            {{"kind", tokenizer->kind()}, {"vocab_size", tokenizer->vocab_size()}});
  StagedFolder staged(folder);
  make_folder(staged.path() / "tokenizer");
  tokenizer->save(staged.path() / "tokenizer");
  Json manifest = {
      {"format", kShardsFormat},
      {"byte_order", "little"},
      {"bytes_per_token", bytes_per_token(tokenizer->vocab_size())},
      {"tokenizer",
       {{"config", parse_json(describe_tokenizer_config(config.tokenizer), "data.tokenizer")},
        {"fingerprint", tokenizer->fingerprint()},
        {"files", describe_tokenizer_files(staged.path() / "tokenizer")},
        {"vocab_size", tokenizer->vocab_size()}}},
      {"splits", Json::array()}};
  for (const auto& [named, source] : splits) {
    manifest["splits"].push_back(
        write_split(named, source, *tokenizer, staged.path(), num_threads));
  }
  const std::string change = difference_from(manifest, config);
  check(change.empty(), ErrorKind::Data,
        "the text must stay as it is while it is prepared: ", change);
  write_manifest(staged.path(), std::move(manifest));
  staged.commit();
}

// The lock is given up by itself when its process ends, so waiting ends too.
std::unique_ptr<FileLock> wait_for_lock(const fs::path& path) {
  const auto deadline = std::chrono::steady_clock::now() + kLockPatience;
  for (bool told = false;; told = true) {
    try {
      return std::make_unique<FileLock>(path);
    } catch (const Error& held) {
      if (held.kind() != ErrorKind::Config || std::chrono::steady_clock::now() > deadline) throw;
      if (!told)
        log::info("waiting for another process that prepares these shards",
                  {{"lock", path.string()}});
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

void check_replaceable(const fs::path& folder) {
  std::error_code ignored;
  const bool free = !fs::exists(folder, ignored) ||
                    (fs::is_directory(folder, ignored) && fs::is_empty(folder, ignored));
  check(free, ErrorKind::Data, folder.string(),
        ": data.shards must name a shard folder or nothing, found other files there; name another "
        "folder");
}

ShardFolder prepare_locked(const DataConfig& config, const fs::path& folder, int num_threads) {
  make_folder(fs::absolute(folder).parent_path());
  const std::unique_ptr<FileLock> lock = wait_for_lock(concat(folder.string(), ".lock"));
  if (!ShardFolder::exists(folder)) {
    check_replaceable(folder);
    keep_standard_input(config, folder);
    make_shards(with_kept_input(config, folder), folder, num_threads);
  }
  return open_matching(config, folder);
}

ShardFolder make_or_open(const DataConfig& config, const fs::path& folder, int num_threads) {
  if (ShardFolder::exists(folder)) return open_matching(config, folder);
  try {
    return prepare_locked(config, folder, num_threads);
  } catch (const Error& cause) {
    if (cause.kind() != ErrorKind::Io) throw;
    std::throw_with_nested(
        Error(ErrorKind::Data, concat("data.shards must be writable: ", cause.what())));
  }
}

void warn_of_unknown(const std::string& text, std::int64_t unknown, std::int64_t tokens) {
  if (static_cast<double>(unknown) < kManyUnknown * static_cast<double>(tokens)) return;
  char percent[32];
  std::snprintf(percent, sizeof percent, " tokens (%.1f%%)",
                100.0 * static_cast<double>(unknown) / static_cast<double>(tokens));
  log::warn(concat(text, ": ", unknown, " of ", tokens, percent,
                   " stand for unknown words, which are all the same to the model, so that its "
                   "perplexity says little; is the tokenizer this text's?"));
}

void compare_with_published(const DataConfig& config, const ShardFolder& shards) {
  if (config.expect == KnownCorpus::None) return;
  const PublishedCorpus& corpus = config::row_of(kKnownCorpora, config.expect);
  const std::string difference = difference_from(corpus, config.tokenizer, shards);
  if (difference.empty())
    log::info("the data is the published corpus", {{"corpus", std::string(corpus.name)}});
  else
    log::warn(concat("data.expect: the data is not the published ", corpus.name, ": ", difference,
                     "; perplexities will not compare with published ones"));
}

}  // namespace

ShardFolder prepare_data(const DataConfig& config, int num_threads) try {
  ShardFolder shards = make_or_open(config, shard_folder_of(config), threads_to_use(num_threads));
  for (const std::string& split : shards.splits())
    warn_of_unknown(concat("data.", split), shards.counts(split).unknown,
                    shards.stream(split).size());
  compare_with_published(config, shards);
  return shards;
} catch (const std::bad_alloc&) {
  throw Error(ErrorKind::Memory,
              "out of memory while data was prepared; name less text in data.train, or load a "
              "tokenizer that was made elsewhere (data.tokenizer.dictionary or "
              "data.tokenizer.model)");
}

TokenStream encode_text(const TextConfig& config, const Tokenizer& tokenizer, TextCounts& counts,
                        int num_threads) {
  tell_passed_over(config);
  std::vector<std::int32_t> ids;
  counts = encode_units(
      "the text", config, tokenizer, threads_to_use(num_threads),
      [&](const EncodedIds& part) { ids.insert(ids.end(), part.ids.begin(), part.ids.end()); });
  warn_of_unknown("the text", counts.unknown, static_cast<std::int64_t>(ids.size()));
  return TokenStream::from_ids(std::move(ids));
}

}  // namespace longspan
