// Trains SentencePiece so that decoding gives back every byte: no normalisation, no added or
// removed space, byte pieces for what has no piece. The library's own sampling of a large text is
// random; ours is not. It ends its process on what it does not foresee, so a child process has it.
#include "tokenizer/sentencepiece_training.h"

#include <sentencepiece_trainer.h>

#include <algorithm>
#include <cstddef>
#include <unordered_map>

#include "longspan/core/error.h"
#include "longspan/core/log.h"
#include "tokenizer/child_process.h"

namespace longspan {
namespace {

// Training keeps some 20 bytes for each byte of the text.
constexpr std::size_t kMaxTrainingBytes = std::size_t{64} << 20;

// The BPE trainer numbers the characters of a word in 15 bits; the sums of the unigram trainer get
// lost in words of some 100,000.
constexpr std::size_t kMaxStretchBytes = 16384;

/// Lines for training: all of a small text, evenly spread lines of a large one.
struct TrainingLines {
  std::vector<std::string> lines;
  std::size_t bytes = 0;
  std::size_t stride = 1;

  void thin_out() {
    std::size_t kept = 0;
    bytes = 0;
    for (std::size_t i = 0; i < lines.size(); i += 2, ++kept) {
      if (kept != i) lines[kept] = std::move(lines[i]);
      bytes += lines[kept].size();
    }
    lines.resize(kept);
    stride *= 2;
  }
};

TrainingLines collect(const LineSource& source) {
  TrainingLines training;
  std::size_t number = 0;
  source([&](std::string_view line) {
    if (number++ % training.stride != 0) return;
    training.lines.emplace_back(line);
    training.bytes += line.size();
    while (training.bytes > kMaxTrainingBytes && training.lines.size() > 1) training.thin_out();
  });
  if (training.stride > 1) {
    log::info("SentencePiece trains on a part of the lines", {{"one_line_of", training.stride}});
  }
  return training;
}

// Gives the lines two words at a time, every other line beginning with one. The unigram trainer
// takes only substrings with more than one right neighbour as candidates; where a space follows
// every word, as in WikiText, whole words would never be among them. A longer stretch without a
// blank than the library takes is cut.
class WordPairs final : public sentencepiece::SentenceIterator {
 public:
  explicit WordPairs(const std::vector<std::string>& lines) : lines_(lines) { Next(); }
  bool done() const override { return done_; }
  const std::string& value() const override { return pair_; }
  sentencepiece::util::Status status() const override { return {}; }
  std::size_t num_cuts() const { return num_cuts_; }

  void Next() override {
    while (at_ != lines_.size() && begin_ == lines_[at_].size()) {
      ++at_;
      begin_ = 0;
    }
    done_ = at_ == lines_.size();
    if (done_) return;
    const std::string& line = lines_[at_];
    const bool single = begin_ == 0 && at_ % 2 == 1;
    const std::size_t first_end = word_end(line, begin_);
    const std::size_t pair_end = single ? first_end : word_end(line, first_end);
    const std::size_t end = begin_ + bytes_to_take(line, begin_, pair_end - begin_);
    if (end != pair_end) ++num_cuts_;
    pair_.assign(line, begin_, end - begin_);
    begin_ = end;
  }

 private:
  static std::size_t word_end(const std::string& line, std::size_t begin) {
    const std::size_t letter = std::min(line.find_first_not_of(' ', begin), line.size());
    return std::min(line.find(' ', letter), line.size());
  }

  // Returns the bytes of whole characters that are taken of some at begin.
  static std::size_t bytes_to_take(const std::string& line, std::size_t begin, std::size_t bytes) {
    if (bytes <= kMaxStretchBytes) return bytes;
    std::size_t taken = kMaxStretchBytes;
    for (int back = 0; back < 3 && (line[begin + taken] & 0xC0) == 0x80; ++back) --taken;
    return taken;
  }

  const std::vector<std::string>& lines_;
  std::size_t at_ = 0;
  std::size_t begin_ = 0;
  std::string pair_;
  std::size_t num_cuts_ = 0;
  bool done_ = false;
};

std::unordered_map<std::string, std::string> training_options(const TokenizerConfig& config) {
  return {
      {"vocab_size", std::to_string(config.vocab_size)},
      {"model_type", config.model_type},
      {"byte_fallback", "true"},
      {"normalization_rule_name", "identity"},
      {"add_dummy_prefix", "false"},
      {"remove_extra_whitespaces", "false"},
      {"max_sentence_length", std::to_string(1 << 30)},
      {"unk_piece",
       "<unknown>"},  // never emitted, since bytes stand in; frees <unk> for WikiText's word
      {"user_defined_symbols", "<unk>"},
      {"num_threads", "4"},  // sums depend on it, so it is not the machine's number of cores
      {"minloglevel", "3"},
  };
}

// Returns what a Status says, without the place in the library and the condition before it.
std::string words_of(const sentencepiece::util::Status& status) {
  const std::string text = status.error_message();
  const std::size_t condition_end = text.rfind("] ");
  const std::size_t begin = condition_end == std::string::npos ? 0 : condition_end + 2;
  return begin < text.size() ? text.substr(begin) : text;
}

// Returns the bytes of the model. @throws Error with the library's words alone
std::string train(const TokenizerConfig& config, const std::vector<std::string>& lines) {
  WordPairs iterator(lines);
  std::string model;
  const auto status =
      sentencepiece::SentencePieceTrainer::Train(training_options(config), &iterator, &model);
  check(status.ok(), ErrorKind::Data, words_of(status));
  return model;
}

void log_cuts(const std::vector<std::string>& lines) {
  WordPairs pairs(lines);
  while (!pairs.done()) pairs.Next();
  if (pairs.num_cuts() > 0)
    log::info("stretches without a blank were cut for SentencePiece",
              {{"cuts", pairs.num_cuts()}, {"bytes", kMaxStretchBytes}});
}

}  // namespace

std::string train_sentencepiece(const TokenizerConfig& config, const LineSource& training_lines) {
  const TrainingLines training = collect(training_lines);
  check(training.bytes > 0, ErrorKind::Data,
        "the training text must not be empty for a SentencePiece model");
  log_cuts(training.lines);
  try {
    return in_child_process([&] { return train(config, training.lines); });
  } catch (const Error& cause) {
    std::throw_with_nested(
        Error(cause.kind(), concat("SentencePiece must be able to train a ", config.model_type,
                                   " model of data.tokenizer.vocab_size ", config.vocab_size,
                                   " on data.train, got: ", cause.what(),
                                   cause.kind() == ErrorKind::Memory
                                       ? "; name less text in data.train, or load a model that was "
                                         "trained elsewhere (data.tokenizer.model)"
                                       : "")));
  }
}

}  // namespace longspan
