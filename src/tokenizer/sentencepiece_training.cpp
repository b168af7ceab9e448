// Trains SentencePiece so that decoding gives back every byte: no normalisation, no added or
// removed space, byte pieces for what has no piece. The library's own sampling of a large text is
// random; ours is not. It ends its process on what it does not foresee, so a child process has it.
#include "tokenizer/sentencepiece_training.h"

#include <sentencepiece_trainer.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <limits>
#include <unordered_map>

#include "longspan/core/error.h"
#include "longspan/core/log.h"
#include "longspan/core/progress.h"
#include "tokenizer/child_process.h"
#include "tokenizer/training_lines.h"

namespace longspan {
namespace {

// Training keeps up to 29 bytes for each byte of the text: with the rest of the program below 1
// GiB.
constexpr std::size_t kMaxTrainingBytes = std::size_t{26} << 20;

// The BPE trainer numbers the characters of a word in 15 bits; the sums of the unigram trainer get
// lost in words of some 100,000.
constexpr std::size_t kMaxStretchBytes = 16384;

TrainingLines collect(const LineSource& source, std::size_t max_lines) {
  TrainingLines training(kMaxTrainingBytes, max_lines);
  source([&](std::string_view line) { training.add(line); });
  if (training.one_of() > 1) {
    log::info("SentencePiece trains on a part of the lines", {{"one_line_of", training.one_of()},
                                                              {"lines", training.lines().size()},
                                                              {"bytes", training.bytes()}});
  }
  return training;
}

/// What is given to the trainer at a time.
struct Stretches {
  std::size_t max_bytes = kMaxStretchBytes;
  bool whole_lines = false;  // else two words
  bool dummy_space = false;  // the model puts a space in front of each
};

using Options = std::unordered_map<std::string, std::string>;

bool is_true(const Options& options, const std::string& name, bool otherwise) {
  const auto found = options.find(name);
  if (found == options.end()) return otherwise;
  const std::string& value = found->second;
  return !(value == "false" || value == "0" || value == "f" || value == "n" || value == "no");
}

// Takes an option that is a number out of those that the library gets.
std::size_t take_number(Options& options, const std::string& name, std::size_t low,
                        std::size_t otherwise) {
  const auto found = options.find(name);
  if (found == options.end()) return otherwise;
  std::size_t number = 0;
  const std::string value = found->second;
  const auto [end, failure] = std::from_chars(value.data(), value.data() + value.size(), number);
  check(failure == std::errc() && end == value.data() + value.size() && number >= low,
        ErrorKind::Config, "data.tokenizer.", name, " must be an integer of at least ", low,
        ", got ", value);
  options.erase(found);
  return number;
}

// Gives the lines two words at a time, every other line beginning with one. The unigram trainer
// takes only substrings with more than one right neighbour as candidates; where a space follows
// every word, as in WikiText, whole words would never be among them. Where pieces may hold blanks,
// or end with one, the lines come whole. A longer stretch than the library takes is cut.
class WordPairs final : public sentencepiece::SentenceIterator {
 public:
  WordPairs(const std::vector<std::string>& lines, const Stretches& stretches)
      : lines_(lines), stretches_(stretches) {
    Next();
  }
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
    const std::size_t pair_end = stretches_.whole_lines ? line.size()
                                 : single               ? first_end
                                                        : word_end(line, first_end);
    const std::size_t end = begin_ + bytes_to_take(line, begin_, pair_end - begin_);
    if (end != pair_end) ++num_cuts_;
    // The library puts the space back.
    const bool drops_space = stretches_.dummy_space && begin_ > 0 && line[begin_] == ' ';
    pair_.assign(line, begin_ + drops_space, end - begin_ - drops_space);
    begin_ = end;
  }

 private:
  static std::size_t word_end(const std::string& line, std::size_t begin) {
    const std::size_t letter = std::min(line.find_first_not_of(' ', begin), line.size());
    return std::min(line.find(' ', letter), line.size());
  }

  // Returns the bytes of whole characters that are taken of some at begin.
  std::size_t bytes_to_take(const std::string& line, std::size_t begin, std::size_t bytes) const {
    if (bytes <= stretches_.max_bytes) return bytes;
    std::size_t taken = stretches_.max_bytes;
    for (int back = 0; back < 3 && (line[begin + taken] & 0xC0) == 0x80; ++back) --taken;
    return taken;
  }

  const std::vector<std::string>& lines_;
  const Stretches stretches_;
  std::size_t at_ = 0;
  std::size_t begin_ = 0;
  std::string pair_;
  std::size_t num_cuts_ = 0;
  bool done_ = false;
};

Options training_options(const TokenizerConfig& config) {
  Options options{
      {"byte_fallback", "true"},
      {"normalization_rule_name", "identity"},
      {"add_dummy_prefix", "false"},
      {"remove_extra_whitespaces", "false"},
      {"unk_piece",
       "<unknown>"},  // never emitted, since bytes stand in; frees <unk> for WikiText's word
      {"user_defined_symbols", "<unk>"},
      {"num_threads", "4"},  // sums depend on it, so it is not the machine's number of cores
  };
  for (const auto& [name, value] : config.trainer_options) options[name] = value;
  options["vocab_size"] = std::to_string(config.vocab_size);
  options["model_type"] = config.model_type;
  options["minloglevel"] = "3";
  return options;
}

/// What is trained on, and how.
struct Training {
  explicit Training(const TokenizerConfig& config) : options(training_options(config)) {
    max_lines = take_number(options, "input_sentence_size", 0, 0);
    if (max_lines == 0) max_lines = std::numeric_limits<std::size_t>::max();
    stretches.max_bytes = std::min(
        kMaxStretchBytes, take_number(options, "max_sentence_length", 4, kMaxStretchBytes));
    stretches.whole_lines = !is_true(options, "split_by_whitespace", true) ||
                            is_true(options, "treat_whitespace_as_suffix", false);
    stretches.dummy_space = is_true(options, "add_dummy_prefix", false);
    options["max_sentence_length"] = std::to_string(1 << 30);  // what is longer would be dropped
  }

  Options options;
  std::size_t max_lines = 0;
  Stretches stretches;
};

// Returns what a Status says, without the place in the library and the condition before it.
std::string words_of(const sentencepiece::util::Status& status) {
  const std::string text = status.error_message();
  const std::size_t condition_end = text.rfind("] ");
  const std::size_t begin = condition_end == std::string::npos ? 0 : condition_end + 2;
  return begin < text.size() ? text.substr(begin) : text;
}

// Returns the bytes of the model. @throws Error with the library's words alone
std::string train(const Training& training, const std::vector<std::string>& lines) {
  WordPairs iterator(lines, training.stretches);
  std::string model;
  const auto status =
      sentencepiece::SentencePieceTrainer::Train(training.options, &iterator, &model);
  check(status.ok(), ErrorKind::Data, words_of(status));
  return model;
}

void log_cuts(const std::vector<std::string>& lines, const Stretches& stretches) {
  WordPairs pairs(lines, stretches);
  while (!pairs.done()) pairs.Next();
  if (pairs.num_cuts() > 0)
    log::info(stretches.whole_lines ? "long lines were cut for SentencePiece"
                                    : "stretches without a blank were cut for SentencePiece",
              {{"cuts", pairs.num_cuts()}, {"bytes", stretches.max_bytes}});
}

}  // namespace

std::string train_sentencepiece(const TokenizerConfig& config, const LineSource& training_lines) {
  const Training training(config);
  const TrainingLines lines = collect(training_lines, training.max_lines);
  check(lines.bytes() > 0, ErrorKind::Data,
        "the training text must not be empty for a SentencePiece model");
  log_cuts(lines.lines(), training.stretches);
  try {
    ProgressLine progress;
    const auto tell = [&] {
      progress.update([&] {
        return concat("train the SentencePiece model | ", lines.lines().size(), " lines | ",
                      clock_text(progress.seconds()));
      });
    };
    return in_child_process([&] { return train(training, lines.lines()); }, tell);
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

namespace {

/// A text without a line.
class Nothing final : public sentencepiece::SentenceIterator {
 public:
  bool done() const override { return true; }
  const std::string& value() const override { return text_; }
  sentencepiece::util::Status status() const override { return {}; }
  void Next() override {}

 private:
  std::string text_;
};

// Has the trainer read its options, and nothing else. It has no other way to tell which it knows.
std::string answer_to_option(const std::string& name, const std::string& value) {
  return in_child_process([&] {
    Nothing nothing;
    std::string model;
    const auto status = sentencepiece::SentencePieceTrainer::Train(
        Options{{name, value}, {"minloglevel", "3"}}, &nothing, &model);
    return concat(static_cast<int>(status.code()), ' ', words_of(status));
  });
}

bool has_code(const std::string& answer, sentencepiece::util::StatusCode code) {
  return answer.starts_with(concat(static_cast<int>(code), ' '));
}

}  // namespace

bool knows_trainer_option(const std::string& name) {
  return !has_code(answer_to_option(name, "1"), sentencepiece::util::StatusCode::kNotFound);
}

std::string objection_to_trainer_option(const std::string& name, const std::string& value) {
  const std::string answer = answer_to_option(name, value);
  return has_code(answer, sentencepiece::util::StatusCode::kInvalidArgument)
             ? answer.substr(answer.find(' ') + 1)
             : "";
}

}  // namespace longspan
