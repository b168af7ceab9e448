#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "longspan/config/reader.h"

namespace longspan {

/// Encodes lines for one thread, and may remember what it has seen.
class LineEncoder {
 public:
  virtual ~LineEncoder() = default;
  /// Appends the ids that the tokenizer's encode_line() gives. @return as there
  virtual std::int64_t encode(std::string_view line, std::vector<std::int32_t>& ids) = 0;
};

/// Turns lines of text into ids and back. Immutable once made; safe to share between threads.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  /// Returns the name of the kind as in the config.
  virtual std::string kind() const = 0;
  /// Returns the number of ids, padding symbols included; ids are 0 .. vocab_size()-1.
  virtual std::int64_t vocab_size() const = 0;
  /// Appends the ids of one line (without its line break), the end-of-line token included when
  /// there is one. @return how many of them stand for what the tokenizer does not know
  virtual std::int64_t encode_line(std::string_view line, std::vector<std::int32_t>& ids) const = 0;
  /// Returns what encodes many lines: the same ids, sooner. The tokenizer must outlive it.
  virtual std::unique_ptr<LineEncoder> make_encoder() const;
  /// Returns whether encode_line() takes whole documents, with their line breaks, in place of
  /// lines.
  virtual bool reads_documents() const { return false; }
  /// Returns the text of ids; an end-of-line token gives "\n".
  virtual std::string decode(std::span<const std::int32_t> ids) const = 0;
  /// Returns the id that stands in front of the first token of a stream, and of a document.
  virtual std::int32_t start_id() const = 0;
  /// Returns whether the id ends a line.
  virtual bool ends_line(std::int32_t id) const = 0;
  /// Writes the files that load_tokenizer() needs into an existing folder.
  virtual void save(const std::filesystem::path& folder) const = 0;
  /// Returns a digest that is equal for two tokenizers exactly when they give the same ids.
  virtual std::string fingerprint() const = 0;
};

enum class TokenizerKind { Word, SentencePiece, Bytes, Ids };

/// What the config says of the tokenizer.
struct TokenizerConfig {
  TokenizerKind kind = TokenizerKind::Word;
  bool end_of_line = true;        ///< word, sentencepiece: a token at the end of every line
  std::int64_t pad_multiple = 8;  ///< word: dummy symbols fill the vocabulary to a multiple of this
  std::string model;              ///< sentencepiece: the file to load, when train is false
  std::int64_t vocab_size = 8192;  ///< sentencepiece: number of pieces to train; ids: number of ids
  std::string model_type = "unigram";  ///< sentencepiece: unigram | bpe
  bool train = true;                   ///< sentencepiece: train one on data.train
  /// sentencepiece: further options of the library's trainer by its names for them, sorted
  std::vector<std::pair<std::string, std::string>> trainer_options;
  std::string unit = "line";  ///< sentencepiece: what is encoded at a time: line | document
  std::string start;          ///< of documents: the piece in front; "": the model's begin, or end
  bool prefix_space = true;   ///< of documents: a space in front where the model puts one
  std::string dictionary;     ///< word: fairseq's dict.txt to take the words from; "": data.train
};

/// Returns all kinds.
std::vector<TokenizerKind> tokenizer_kinds();
/// Returns the name of a kind as in the config.
std::string name_of(TokenizerKind kind);
/// Reads data.tokenizer. An option of another kind is an error.
TokenizerConfig read_tokenizer_config(const config::Reader& reader);
/// Returns the kind and the options that have an effect with it as one JSON object: what a trained
/// tokenizer depends on besides the text.
std::string describe_tokenizer_config(const TokenizerConfig& config);

/// Takes a line of a text.
using TakeLine = std::function<void(std::string_view)>;
/// Calls its argument with every line of a text, in order.
using LineSource = std::function<void(const TakeLine&)>;

/// A text that a tokenizer is made from.
struct TrainingText {
  /// One whose lines are not spread.
  explicit TrainingText(LineSource in_order);

  LineSource lines;
  /// Calls each of several takers with some of the lines, on a thread of its own, so that each line
  /// comes to one of them. The argument makes a taker; one call of it at a time.
  std::function<void(const std::function<TakeLine()>& make_taker)> spread;
};

/// Makes the tokenizer that the config describes from the training text, or loads it.
/// @throws Error(Data) for a text that is empty or a model that cannot be had
std::unique_ptr<Tokenizer> build_tokenizer(const TokenizerConfig& config, const TrainingText& text);
/// The same from lines in order.
std::unique_ptr<Tokenizer> build_tokenizer(const TokenizerConfig& config,
                                           const LineSource& training_lines);
/// Loads what save() wrote. @throws Error(Data)
std::unique_ptr<Tokenizer> load_tokenizer(const std::filesystem::path& folder);

}  // namespace longspan
