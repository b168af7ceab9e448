// Prompts to tokens, tokens to text.

#include "longspan/generate/generate_run.h"

#include <chrono>
#include <cstdio>
#include <utility>

#include "generate/text_stream.h"
#include "longspan/core/error.h"
#include "longspan/core/log.h"
#include "longspan/core/progress.h"
#include "longspan/core/utf8.h"

namespace longspan {
namespace {

using Clock = std::chrono::steady_clock;

// Appends the ids of the lines of a prompt; its last line is not at its end.
std::int64_t encode_lines(const Tokenizer& tokenizer, std::string_view prompt,
                          std::vector<std::int32_t>& ids) {
  std::int64_t unknown = 0;
  for (bool last = false; !last;) {
    const std::size_t end = prompt.find('\n');
    last = end == std::string_view::npos;
    unknown += tokenizer.encode_line(prompt.substr(0, end), ids);
    if (!last) prompt.remove_prefix(end + 1);
  }
  if (tokenizer.ends_line(ids.back())) ids.pop_back();
  return unknown;
}

// One sequence as it comes.
struct Sequence {
  std::size_t prompt;
  std::size_t prompt_tokens;
  TextStream stream;
  std::string text{};
  std::vector<std::int32_t> ids{};
  double log_probability = 0;
  std::int64_t lines = 0;
  const char* ended_by = "max_tokens";
};

class Sequences {
 public:
  Sequences(const Tokenizer& tokenizer, const GenerationRequest& request)
      : tokenizer_(tokenizer), request_(request) {
    prompts_ = request.prompts.empty() ? std::vector<std::string>{""} : request.prompts;
    for (std::size_t i = 0; i < prompts_.size(); ++i) {
      const std::vector<std::int32_t> ids = encode_prompt(tokenizer, prompts_[i]);
      const std::vector<std::int32_t> shown(ids.begin() + 1, ids.end());
      for (std::int64_t sample = 0; sample < request.samples; ++sample) {
        ids_.push_back(ids);
        sequences_.push_back({i, shown.size(), TextStream(tokenizer, shown)});
      }
    }
  }

  const std::vector<std::vector<std::int32_t>>& prompt_ids() const { return ids_; }

  bool take(std::size_t number, const Sampler::Choice& choice) {
    Sequence& sequence = sequences_[number];
    sequence.ids.push_back(choice.id);
    sequence.log_probability += choice.log_probability;
    if (tokenizer_.reads_documents() && choice.id == tokenizer_.start_id()) {
      sequence.ended_by = "document";
      return false;
    }
    show(number, sequence.stream.push(choice.id));
    tell_progress();
    sequence.lines += tokenizer_.ends_line(choice.id);
    if (request_.max_lines == 0 || sequence.lines < request_.max_lines) return true;
    sequence.ended_by = "max_lines";
    return false;
  }

  Json finish() {
    Json result = Json::array();
    for (std::size_t number = 0; number < sequences_.size(); ++number) {
      Sequence& sequence = sequences_[number];
      show(number, sequence.stream.finish());
      result.push_back({{"prompt", prompts_[sequence.prompt]},
                        {"prompt_tokens", sequence.prompt_tokens},
                        {"text", sequence.text},
                        {"ids", sequence.ids},
                        {"log_probability", sequence.log_probability},
                        {"ended_by", sequence.ended_by}});
    }
    return result;
  }

 private:
  // Text that is shown as it comes tells enough.
  void tell_progress() {
    ++num_taken_;
    if (!request_.show) progress_.update([this] { return progress_text(); });
  }

  // Sequences may end before they are as long as they may be.
  std::string progress_text() const {
    const auto most = static_cast<double>(std::ssize(sequences_) * request_.options.max_tokens),
               taken = static_cast<double>(num_taken_), seconds = progress_.seconds();
    char numbers[96];
    std::snprintf(numbers, sizeof numbers, "%.0f %% | %.0f tokens/s | ", 100.0 * taken / most,
                  taken / seconds);
    return concat("generate ", sequences_.size(), " texts | ", numbers,
                  clock_text(seconds * (most - taken) / taken), " left at most");
  }

  void show(std::size_t number, const std::string& text) {
    if (text.empty()) return;
    sequences_[number].text += text;
    if (request_.show) request_.show(number, text);
  }

  const Tokenizer& tokenizer_;
  const GenerationRequest& request_;
  std::vector<std::string> prompts_;
  std::vector<std::vector<std::int32_t>> ids_;
  std::vector<Sequence> sequences_;
  std::int64_t num_taken_ = 0;
  ProgressLine progress_;
};

Json described(const GenerationOptions& options) {
  return {{"max_tokens", options.max_tokens},
          {"temperature", options.sampling.temperature},
          {"top_k", options.sampling.top_k},
          {"top_p", options.sampling.top_p},
          {"repetition_penalty", options.sampling.repetition_penalty},
          {"seed", options.seed}};
}

}  // namespace

std::vector<std::int32_t> encode_prompt(const Tokenizer& tokenizer, const std::string& prompt) {
  const std::size_t invalid = find_invalid_utf8(prompt);
  check(invalid == std::string::npos, ErrorKind::Config, "a prompt must be UTF-8, found ",
        byte_in_hex(prompt[std::min(invalid, prompt.size() - 1)]), " at byte ", invalid, " of it");
  std::vector<std::int32_t> ids{tokenizer.start_id()};
  if (prompt.empty()) return ids;
  const std::int64_t unknown = tokenizer.reads_documents() ? tokenizer.encode_line(prompt, ids)
                                                           : encode_lines(tokenizer, prompt, ids);
  if (unknown > 0)
    log::warn("a prompt has tokens that the tokenizer does not know",
              {{"tokens", ids.size() - 1}, {"unknown", unknown}});
  return ids;
}

Json generate_with_run(const SavedRun& saved, const GenerationRequest& request,
                       c10::Device device) {
  check_sampling(request.options.sampling);
  TrainedRun run = open_run(saved);
  run.model.to(device);
  GenerationOptions options = request.options;
  options.compute_dtype = run.config.compute_dtype();
  Sequences sequences(*run.tokenizer, request);
  const auto begin = Clock::now();
  const GenerationCost cost = generate(run.model, sequences.prompt_ids(), options,
                                       [&](std::size_t number, const Sampler::Choice& choice) {
                                         return sequences.take(number, choice);
                                       });
  Json texts = sequences.finish();
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  const double tokens_per_second = static_cast<double>(cost.tokens) / seconds;
  return {{"run", run.config.name},
          {"checkpoint_step", run.step},
          {"options", described(options)},
          {"sequences", std::move(texts)},
          {"prompt_tokens", cost.prompt_tokens},
          {"tokens", cost.tokens},
          {"tokens_per_second", tokens_per_second},
          {"cache_bytes", cost.cache_bytes}};
}

}  // namespace longspan
