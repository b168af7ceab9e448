// Subword pieces through the SentencePiece library. The library reports by Status; its shortcuts
// that drop the Status are never called.
#include <sentencepiece_processor.h>

#include <algorithm>
#include <cstddef>
#include <exception>
#include <mutex>
#include <optional>
#include <utility>

#include "longspan/core/error.h"
#include "longspan/core/files.h"
#include "longspan/core/hash.h"
#include "longspan/core/log.h"
#include "tokenizer/kinds.h"
#include "tokenizer/sentencepiece_charsmap.h"
#include "tokenizer/sentencepiece_config.h"
#include "tokenizer/sentencepiece_document.h"
#include "tokenizer/sentencepiece_encoder.h"
#include "tokenizer/sentencepiece_file.h"
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
  static Usage of(const Json& description) {
    if (!description.contains("unit"))
      return {.end_of_line = description.at("end_of_line").get<bool>()};
    return {.document = true,
            .start = description.at("start").get<std::string>(),
            .prefix_space = description.at("prefix_space").get<bool>()};
  }
  std::string fingerprint(const std::string& model) const {
    return hash_of(document
                       ? concat("sentencepiece document ", start, ' ', prefix_space, '\n', model)
                       : concat("sentencepiece ", end_of_line, '\n', model));
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
    check_sentencepiece_content(model_, source);
    check_charsmaps(model_, source);
    const std::string problem = load();
    check(problem.empty(), ErrorKind::Data, source,
          ": must be a SentencePiece model, got: ", problem);
    check(!usage_.end_of_line || processor_.eos_id() >= 0, ErrorKind::Data, source,
          ": the model must have an end-of-sentence piece, found none; set "
          "data.tokenizer.end_of_line: false");
    start_id_ = find_start(source);
    if (usage_.document) document_.emplace(processor_, usage_.prefix_space);
  }

  std::string kind() const override { return "sentencepiece"; }
  std::int64_t vocab_size() const override { return processor_.GetPieceSize(); }

  std::int64_t encode_line(std::string_view line, std::vector<std::int32_t>& ids) const override {
    const std::size_t before = ids.size();
    if (document_) {
      document_->encode(line, ids);
    } else {
      std::vector<int> pieces;
      check_status(processor_.Encode(line, &pieces));
      ids.insert(ids.end(), pieces.begin(), pieces.end());
    }
    return end_line(before, ids);
  }

  std::unique_ptr<LineEncoder> make_encoder() const override {
    if (document_) return Tokenizer::make_encoder();
    std::call_once(parts_made_, [&] { make_parts(); });
    if (!parts_->words.obstacle().empty()) return Tokenizer::make_encoder();
    return std::make_unique<RememberingEncoder>(*this);
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

  std::string fingerprint() const override { return usage_.fingerprint(model_); }

 private:
  class RememberingEncoder final : public LineEncoder {
   public:
    explicit RememberingEncoder(const SentencePieceTokenizer& tokenizer)
        : tokenizer_(tokenizer), encoder_(*tokenizer.parts_) {}
    std::int64_t encode(std::string_view line, std::vector<std::int32_t>& ids) override {
      const std::size_t before = ids.size();
      encoder_.encode(line, ids);
      return tokenizer_.end_line(before, ids);
    }

   private:
    const SentencePieceTokenizer& tokenizer_;
    SentencePieceEncoder encoder_;
  };

  void make_parts() const {
    parts_.emplace(processor_, model_);
    if (!parts_->words.obstacle().empty())
      log::info("SentencePiece encodes whole lines, since the model lets no words be told apart",
                {{"reason", parts_->words.obstacle()}});
  }

  // Counts the unknown ids of a line that was appended, and ends it.
  std::int64_t end_line(std::size_t before, std::vector<std::int32_t>& ids) const {
    const auto added = ids.begin() + static_cast<std::ptrdiff_t>(before);
    const std::int64_t unknown = std::count(added, ids.end(), processor_.unk_id());
    if (usage_.end_of_line) ids.push_back(processor_.eos_id());
    return unknown;
  }

  // Returns why the library refuses the model. The trie that it makes of the pieces throws.
  std::string load() {
    try {
      const auto status = processor_.LoadFromSerializedProto(model_);
      return status.ok() ? "" : status.ToString();
    } catch (const std::exception& failure) {
      return failure.what();
    }
  }

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
  mutable std::once_flag parts_made_;
  mutable std::optional<SentencePieceParts> parts_;  // of lines, for encoders
};

std::unique_ptr<Tokenizer> build(const TokenizerConfig& config, const TrainingText& text) {
  std::string source = config.model, model;
  if (config.train) {
    source = "the trained SentencePiece model";
    model = train_sentencepiece(config, text.lines);
  } else {
    model = read_foreign_sentencepiece(config.model);
  }
  return std::make_unique<SentencePieceTokenizer>(std::move(model), usage_of(config), source);
}

std::unique_ptr<Tokenizer> load(const std::filesystem::path& folder, const Json& description) {
  const std::string path = (folder / kModelFile).string();
  const Usage usage = Usage::of(description);
  std::string model = read_file(path);
  check_fingerprint(folder, description, usage.fingerprint(model));  // before it is read
  return std::make_unique<SentencePieceTokenizer>(std::move(model), usage, path);
}

void describe(const TokenizerConfig& config, Json& description) {
  description.update(usage_of(config).described());
  description["train"] = config.train;
  if (config.train) {
    description["vocab_size"] = config.vocab_size;
    description["model_type"] = config.model_type;
    for (const auto& [name, value] : config.trainer_options) description[name] = value;
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
                                     read_sentencepiece_config,
                                     describe,
                                     build,
                                     load};
  return kEntry;
}

}  // namespace longspan
