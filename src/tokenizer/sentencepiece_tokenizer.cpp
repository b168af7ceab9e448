// Subword pieces through the SentencePiece library. The library reports by Status; its shortcuts
// that drop the Status are never called.
#include <sentencepiece_processor.h>

#include <cstddef>
#include <exception>
#include <utility>

#include "longspan/core/error.h"
#include "longspan/core/files.h"
#include "longspan/core/hash.h"
#include "tokenizer/kinds.h"
#include "tokenizer/sentencepiece_charsmap.h"
#include "tokenizer/sentencepiece_training.h"

namespace longspan {
namespace {

constexpr std::string_view kModelFile = "sentencepiece.model";

class SentencePieceTokenizer final : public Tokenizer {
 public:
  /// @param model the bytes of a model file @param source names it in errors
  SentencePieceTokenizer(std::string model, bool end_of_line, const std::string& source)
      : model_(std::move(model)), end_of_line_(end_of_line) {
    check_charsmaps(model_, source);
    const std::string problem = load();
    check(problem.empty(), ErrorKind::Data, source,
          ": must be a SentencePiece model, got: ", problem);
    check(!end_of_line || processor_.eos_id() >= 0, ErrorKind::Data, source,
          ": the model must have an end-of-sentence piece, found none; set "
          "data.tokenizer.end_of_line: false");
    start_id_ = processor_.eos_id() >= 0 ? processor_.eos_id() : processor_.bos_id();
    check(start_id_ >= 0, ErrorKind::Data, source,
          ": the model must have an end- or begin-of-sentence piece to start a stream with, found "
          "neither");
  }

  std::string kind() const override { return "sentencepiece"; }
  std::int64_t vocab_size() const override { return processor_.GetPieceSize(); }

  void encode_line(std::string_view line, std::vector<std::int32_t>& ids) const override {
    std::vector<int> pieces;
    check_status(processor_.Encode(line, &pieces));
    ids.insert(ids.end(), pieces.begin(), pieces.end());
    if (end_of_line_) ids.push_back(processor_.eos_id());
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

  std::int32_t start_id() const override { return start_id_; }
  bool ends_line(std::int32_t id) const override {
    return end_of_line_ && id == processor_.eos_id();
  }

  void save(const std::filesystem::path& folder) const override {
    write_file_durably(folder / kModelFile, model_);
    save_description(*this, folder, Json{{"end_of_line", end_of_line_}});
  }

  std::string fingerprint() const override {
    return hash_of(concat("sentencepiece ", end_of_line_, '\n', model_));
  }

 private:
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

  std::string decode_line(const std::vector<int>& pieces) const {
    std::string line;
    if (!pieces.empty()) check_status(processor_.Decode(pieces, &line));
    return line;
  }

  sentencepiece::SentencePieceProcessor processor_;
  std::string model_;
  bool end_of_line_;
  std::int32_t start_id_ = 0;
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
    return std::make_unique<SentencePieceTokenizer>(read_model(config.model), config.end_of_line,
                                                    config.model);
  }
  return std::make_unique<SentencePieceTokenizer>(train_sentencepiece(config, training_lines),
                                                  config.end_of_line,
                                                  "the trained SentencePiece model");
}

std::unique_ptr<Tokenizer> load(const std::filesystem::path& folder, const Json& description) {
  const std::string path = (folder / kModelFile).string();
  return std::make_unique<SentencePieceTokenizer>(read_file(path),
                                                  description.at("end_of_line").get<bool>(), path);
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
}

void read(const config::Reader& reader, TokenizerConfig& config) {
  config.end_of_line = reader.boolean("end_of_line", config.end_of_line);
  config.train = reader.boolean("train", !reader.has("model"));
  check_has_effect(reader, config);
  if (config.train) {
    config.vocab_size =
        reader.integer("vocab_size", {.low = 300, .high = 1000000}, config.vocab_size);
    config.model_type = reader.choice("model_type", {"unigram", "bpe"}, config.model_type);
  } else {
    config.model = reader.path("model");
  }
}

void describe(const TokenizerConfig& config, Json& description) {
  description["end_of_line"] = config.end_of_line;
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
                                     {"end_of_line", "model", "vocab_size", "model_type", "train"},
                                     read,
                                     describe,
                                     build,
                                     load};
  return kEntry;
}

}  // namespace longspan
