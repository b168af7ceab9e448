// Trains SentencePiece so that decoding gives back every byte: no normalisation, no added or
// removed space, byte pieces for what has no piece. The library's own sampling of a large text is
// random; ours is not.
#include "tokenizer/sentencepiece_training.h"

#include <sentencepiece_trainer.h>

#include <algorithm>
#include <cstddef>
#include <unordered_map>

#include "longspan/core/error.h"
#include "longspan/core/log.h"

namespace longspan {
namespace {

// Training keeps some 20 bytes for each byte of the text.
constexpr std::size_t kMaxTrainingBytes = std::size_t{64} << 20;

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
// every word, as in WikiText, whole words would never be among them.
class WordPairs final : public sentencepiece::SentenceIterator {
 public:
  explicit WordPairs(const std::vector<std::string>& lines) : lines_(lines) { Next(); }
  bool done() const override { return done_; }
  const std::string& value() const override { return pair_; }
  sentencepiece::util::Status status() const override { return {}; }

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
    const std::size_t end = single ? first_end : word_end(line, first_end);
    pair_.assign(line, begin_, end - begin_);
    begin_ = end;
  }

 private:
  static std::size_t word_end(const std::string& line, std::size_t begin) {
    const std::size_t letter = std::min(line.find_first_not_of(' ', begin), line.size());
    return std::min(line.find(' ', letter), line.size());
  }

  const std::vector<std::string>& lines_;
  std::size_t at_ = 0;
  std::size_t begin_ = 0;
  std::string pair_;
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

}  // namespace

std::string train_sentencepiece(const TokenizerConfig& config, const LineSource& training_lines) {
  const TrainingLines training = collect(training_lines);
  check(training.bytes > 0, ErrorKind::Data,
        "the training text must not be empty for a SentencePiece model");
  WordPairs iterator(training.lines);
  std::string model;
  const auto status =
      sentencepiece::SentencePieceTrainer::Train(training_options(config), &iterator, &model);
  check(status.ok(), ErrorKind::Data, "SentencePiece must be able to train a ", config.model_type,
        " model of data.tokenizer.vocab_size ", config.vocab_size,
        " on data.train, got: ", status.ToString());
  return model;
}

}  // namespace longspan
