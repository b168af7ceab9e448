// Subword pieces through the SentencePiece library. The library reports by Status; its shortcuts
// that drop the Status are never called.
#include <sentencepiece_processor.h>

#include <cstddef>
#include <optional>
#include <utility>

#include "longspan/core/error.h"
#include "longspan/core/files.h"
#include "longspan/core/hash.h"
#include "tokenizer/kinds.h"
#include "tokenizer/sentencepiece_document.h"
#include "tokenizer/sentencepiece_training.h"

namespace longspan {
namespace {

constexpr std::string_view kModelFile = "sentencepiece.model";

// How a model is used: line by line, or on documents.
struct Usage {
  bool end_of_line = false;  // lines
  bool document = false;
  std::string start = {};     // documents
  bool prefix_space = false;  // documents

  Json described() const {
    if (!document) return {{"end_of_line", end_of_line}};
    return {{"unit", "document"}, {"start", start}, {"prefix_space", prefix_space}};
  }
};

Usage usage_of(const TokenizerConfig& config) {
  if (config.unit == "line") return {.end_of_line = config.end_of_line};
  return {.document = true, .start = config.start, .prefix_space = config.prefix_space};
}

class SentencePieceTokenizer final : public Tokenizer {
 public:
  /// @param model the bytes of a model file @param source names it in errors
  SentencePieceTokenizer(std::string model, Usage usage, const std::string& source)
      : model_(std::move(model)), usage_(std::move(usage)) {
    const auto status = processor_.LoadFromSerializedProto(model_);
    check(status.ok(), ErrorKind::Data, source,
          ": must be a SentencePiece model, got: ", status.ToString());
    check(!usage_.end_of_line || processor_.eos_id() >= 0, ErrorKind::Data, source,
          ": the model must have an end-of-sentence piece, found none; set "
          "data.tokenizer.end_of_line: false");
    start_id_ = find_start(source);
    if (usage_.document) document_.emplace(processor_, usage_.prefix_space);
  }

  std::string kind() const override { return "sentencepiece"; }
  std::int64_t vocab_size() const override { return processor_.GetPieceSize(); }

  void encode_line(std::string_view line, std::vector<std::int32_t>& ids) const override {
    if (document_) return document_->encode(line, ids);
    std::vector<int> pieces;
    check_status(processor_.Encode(line, &pieces));
    ids.insert(ids.end(), pieces.begin(), pieces.end());
    if (usage_.end_of_line) ids.push_back(processor_.eos_id());
  }

  std::string decode(std::span<const std::int32_t> ids) const override {
    std::string text;
    std::vector<int> pieces;
    for (const std::int32_t id : ids) {
      check_token_id(*this, id);
      if (!ends_line(id)) {
        pieces.push_back(id);
        continue;
      }
      text += decode_line(pieces) + '\n';
      pieces.clear();
    }
    return text + decode_line(pieces);
  }

  bool reads_documents() const override { return usage_.document; }
  std::int32_t start_id() const override { return start_id_; }
  bool ends_line(std::int32_t id) const override {
    return usage_.end_of_line && id == processor_.eos_id();
  }

  void save(const std::filesystem::path& folder) const override {
    write_file_durably(folder / kModelFile, model_);
    save_description(*this, folder, usage_.described());
  }

  std::string fingerprint() const override {
    if (usage_.document)
      return hash_of(
          concat("sentencepiece document ", start_id_, ' ', usage_.prefix_space, '\n', model_));
    return hash_of(concat("sentencepiece ", usage_.end_of_line, '\n', model_));
  }

 private:
  static void check_status(const sentencepiece::util::Status& status) {
    check(status.ok(), ErrorKind::Data, "SentencePiece failed: ", status.ToString());
  }

  std::int32_t find_start(const std::string& source) const {
    const int begin = processor_.bos_id(), end = processor_.eos_id();
    int start = usage_.document ? (begin >= 0 ? begin : end) : (end >= 0 ? end : begin);
    if (!usage_.start.empty()) {
      start = processor_.PieceToId(usage_.start);
      check(processor_.IdToPiece(start) == usage_.start, ErrorKind::Data, source,
            ": data.tokenizer.start must be a piece of the model, got ", usage_.start);
    }
    check(start >= 0, ErrorKind::Data, source,
          ": the model must have an end- or begin-of-sentence piece to start a stream with, found "
          "neither");
    return start;
  }

  std::string decode_line(const std::vector<int>& pieces) const {
    std::string line;
    if (!pieces.empty()) check_status(processor_.Decode(pieces, &line));
    return line;
  }

  sentencepiece::SentencePieceProcessor processor_;
  std::string model_;
  Usage usage_;
  std::int32_t start_id_ = 0;
  std::optional<DocumentEncoder> document_;
};

std::string read_model(const std::string& path) {
  try {
    return read_file(path);
  } catch (const Error& cause) {
    std::throw_with_nested(
        Error(ErrorKind::Data, concat("data.tokenizer.model must be readable: ", cause.what())));
  }
}

std::unique_ptr<Tokenizer> build(const TokenizerConfig& config, const LineSource& training_lines) {
  if (!config.train) {
    return std::make_unique<SentencePieceTokenizer>(read_model(config.model), usage_of(config),
                                                    config.model);
  }
  return std::make_unique<SentencePieceTokenizer>(train_sentencepiece(config, training_lines),
                                                  usage_of(config),
                                                  "the trained SentencePiece model");
}

std::unique_ptr<Tokenizer> load(const std::filesystem::path& folder, const Json& description) {
  const std::string path = (folder / kModelFile).string();
  Usage usage;
  usage.document = description.contains("unit");
  if (usage.document) {
    usage.start = description.at("start").get<std::string>();
    usage.prefix_space = description.at("prefix_space").get<bool>();
  } else {
    usage.end_of_line = description.at("end_of_line").get<bool>();
  }
  return std::make_unique<SentencePieceTokenizer>(read_file(path), usage, path);
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

void read(const config::Reader& reader, TokenizerConfig& config) {
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
  } else {
    config.model = reader.path("model");
  }
}

void describe(const TokenizerConfig& config, Json& description) {
  description.update(usage_of(config).described());
  description["train"] = config.train;
  if (config.train) {
    description["vocab_size"] = config.vocab_size;
    description["model_type"] = config.model_type;
  } else {
    description["model"] = config.model;
  }
}

}  // namespace

const TokenizerEntry& sentencepiece_tokenizer_entry() {
  static const TokenizerEntry kEntry{"sentencepiece",
                                     TokenizerKind::SentencePiece,
                                     {"end_of_line", "model", "vocab_size", "model_type", "train",
                                      "unit", "start", "prefix_space"},
                                     read,
                                     describe,
                                     build,
                                     load};
  return kEntry;
}

}  // namespace longspan
