// Keys that longspan knows, and those that the library's trainer is asked about.
#include "tokenizer/sentencepiece_config.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "longspan/core/error.h"
#include "tokenizer/sentencepiece_training.h"

namespace longspan {
namespace {

constexpr std::array<std::string_view, 9> kOwnKeys{"kind",       "end_of_line", "model",
                                                   "vocab_size", "model_type",  "train",
                                                   "unit",       "start",       "prefix_space"};

// What the trainer reads, where it writes, and how it draws lines is not its own here.
constexpr std::array<std::string_view, 5> kDecidedHere{"input", "input_format", "model_prefix",
                                                       "shuffle_input_sentence", "minloglevel"};

// A list as the library reads one: parts between commas, in quotes where a part has such.
std::string joined(const std::vector<std::string>& parts) {
  if (parts.size() == 1) return parts.front();
  std::string text;
  for (const std::string& part : parts) {
    if (!text.empty()) text += ',';
    const bool quoted = part.find_first_of(",\"") != std::string::npos;
    if (quoted) text += '"';
    for (const char letter : part) text.append(letter == '"' ? 2 : 1, letter);
    if (quoted) text += '"';
  }
  return text;
}

void read_trainer_options(const config::Reader& reader, TokenizerConfig& config) {
  for (const std::string& key : reader.keys()) {
    if (std::ranges::find(kOwnKeys, key) != kOwnKeys.end()) continue;
    check(std::ranges::find(kDecidedHere, key) == kDecidedHere.end(), ErrorKind::Config,
          reader.place(key), " is decided by longspan when it trains a model; remove it");
    if (!knows_trainer_option(key)) continue;  // an unknown key, as for every other section
    const std::string value = joined(reader.texts(key));
    const std::string objection = objection_to_trainer_option(key, value);
    check(objection.empty(), ErrorKind::Config, reader.place(key),
          " must have a value that SentencePiece's trainer takes, got ", value, ": ", objection);
    config.trainer_options.emplace_back(key, value);
  }
  std::ranges::sort(config.trainer_options);
}

void check_has_effect(const config::Reader& reader, const TokenizerConfig& config) {
  const auto forbid = [&](std::string_view option, const char* mode) {
    check(!reader.has(option), ErrorKind::Config, reader.place(option), " has no effect with ",
          mode, "; remove it");
  };
  if (config.train) {
    forbid("model", "data.tokenizer.train: true");
  } else {
    forbid("vocab_size", "a loaded model (data.tokenizer.model)");
    forbid("model_type", "a loaded model (data.tokenizer.model)");
  }
  if (config.unit == "line") {
    forbid("start", "data.tokenizer.unit: line");
    forbid("prefix_space", "data.tokenizer.unit: line");
  } else {
    forbid("end_of_line", "data.tokenizer.unit: document");
    check(!config.train, ErrorKind::Config, reader.place("unit"),
          " must be line with a model that is trained, got document");
  }
}

}  // namespace

void read_sentencepiece_config(const config::Reader& reader, TokenizerConfig& config) {
  // A key that is read stands in the resolved configuration: there, those with an effect alone.
  if (reader.has("unit")) config.unit = reader.choice("unit", {"line", "document"}, config.unit);
  if (config.unit == "line") config.end_of_line = reader.boolean("end_of_line", config.end_of_line);
  config.train = reader.boolean("train", !reader.has("model"));
  check_has_effect(reader, config);
  if (config.unit == "document") {
    config.start = reader.text("start", config.start);
    config.prefix_space = reader.boolean("prefix_space", config.prefix_space);
  }
  if (config.train) {
    config.vocab_size =
        reader.integer("vocab_size", {.low = 300, .high = 1000000}, config.vocab_size);
    config.model_type = reader.choice("model_type", {"unigram", "bpe"}, config.model_type);
    read_trainer_options(reader, config);
  } else {
    config.model = reader.path("model");
  }
}

}  // namespace longspan
