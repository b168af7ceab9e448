// All sequences stand at the same position: the shortest prompt is read at once, and from there on
// a sequence takes the next token of its prompt as long as it has one, and then a drawn one.

#include "longspan/generate/generate.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <optional>

#include "longspan/core/error.h"
#include "longspan/core/random.h"

namespace longspan {
namespace {

constexpr std::int64_t kPromptPiece = 512;  // positions that are read at once

class Generation {
 public:
  Generation(const Transformer& model, std::span<const std::vector<std::int32_t>> prompts,
             const GenerationOptions& options, const TakeToken& take)
      : model_(model),
        options_(options),
        take_(take),
        sampler_(options.sampling),
        device_(model.parameters().front().tensor.device()),
        step_weights_(model.step_weights(options.compute_dtype)),
        cache_(longest(prompts) + options.max_tokens) {
    for (const auto& prompt : prompts) {
      check(!prompt.empty(), ErrorKind::Internal, "a prompt must have at least one token");
      sequences_.push_back({prompt, prompt.size(), options.max_tokens > 0});
      cost_.prompt_tokens += static_cast<std::int64_t>(prompt.size());
    }
    check_generation_fits(model_, longest(prompts), options_.max_tokens);
    forward_.cache = &cache_;
    forward_.compute_dtype = options.compute_dtype;
    forward_.step_weights = &step_weights_;
  }

  GenerationCost run() {
    at::Tensor features_BD = read_shortest_prompt();
    while (std::ranges::any_of(sequences_, &Sequence::goes_on)) {
      draw(features_BD);
      if (std::ranges::none_of(sequences_, &Sequence::goes_on)) break;
      features_BD = read(cache_.num_positions(), 1);
    }
    cost_.cache_bytes = cache_.bytes();
    return cost_;
  }

 private:
  struct Sequence {
    std::vector<std::int32_t> ids;
    std::size_t prompt_size;
    bool goes_on;
  };

  static std::int64_t longest(std::span<const std::vector<std::int32_t>> prompts) {
    std::size_t size = 0;
    for (const auto& prompt : prompts) size = std::max(size, prompt.size());
    return static_cast<std::int64_t>(size);
  }

  at::Tensor read_shortest_prompt() {
    std::int64_t shortest = cache_.capacity();
    for (const Sequence& sequence : sequences_)
      shortest = std::min(shortest, static_cast<std::int64_t>(sequence.prompt_size));
    at::Tensor features_BD;
    for (std::int64_t done = 0; done < shortest; done += kPromptPiece)
      features_BD = read(done, std::min(kPromptPiece, shortest - done));
    return features_BD;
  }

  // Reads the tokens at positions first .. first+count-1. Returns the features of the last one. A
  // sequence that has ended gives its last token again, whose features nobody reads.
  at::Tensor read(std::int64_t first, std::int64_t count) {
    const auto rows = static_cast<std::int64_t>(sequences_.size());
    at::Tensor ids_BT = at::empty({rows, count}, at::kLong);
    auto* id = ids_BT.mutable_data_ptr<std::int64_t>();
    for (const Sequence& sequence : sequences_)
      for (std::int64_t i = 0; i < count; ++i)
        *id++ =
            sequence.ids[std::min(static_cast<std::size_t>(first + i), sequence.ids.size() - 1)];
    return model_.features(ids_BT.to(device_), forward_).select(1, count - 1);
  }

  // Draws a token for each sequence whose last token has been read.
  void draw(const at::Tensor& features_BD) {
    std::vector<std::int64_t> rows;
    for (std::size_t row = 0; row < sequences_.size(); ++row)
      if (sequences_[row].goes_on && std::ssize(sequences_[row].ids) == cache_.num_positions())
        rows.push_back(static_cast<std::int64_t>(row));
    if (rows.empty()) return;
    const at::Tensor rows_N = at::from_blob(rows.data(), {std::ssize(rows)}, at::kLong);
    const at::Tensor log_p_NV =
        model_.log_probabilities(features_BD.index_select(0, rows_N.to(device_)))
            .to(at::kCPU)
            .contiguous();
    const auto* log_p = log_p_NV.const_data_ptr<float>();
    const auto vocab_size = static_cast<std::size_t>(log_p_NV.size(1));
    for (const std::int64_t row : rows) {
      extend(static_cast<std::size_t>(row), {log_p, vocab_size});
      log_p += vocab_size;
    }
  }

  void extend(std::size_t row, std::span<const float> log_probabilities) {
    Sequence& sequence = sequences_[row];
    const std::size_t number = sequence.ids.size() - sequence.prompt_size;
    RandomStream random(options_.seed, RandomPurpose::Sampling, row, number);
    const Sampler::Choice choice =
        sampler_.choose(log_probabilities, sequence.ids, random.uniform());
    sequence.ids.push_back(choice.id);
    ++cost_.tokens;
    const bool has_room = static_cast<std::int64_t>(number) + 1 < options_.max_tokens;
    sequence.goes_on = take_(row, choice) && has_room;
  }

  const Transformer& model_;
  const GenerationOptions& options_;
  const TakeToken& take_;
  Sampler sampler_;
  c10::Device device_;
  StepWeights step_weights_;
  KeyValueCache cache_;
  ForwardOptions forward_;
  std::vector<Sequence> sequences_;
  GenerationCost cost_;
};

}  // namespace

void check_generation_fits(const Transformer& model, std::int64_t prompt_tokens,
                           std::int64_t max_tokens) {
  const auto limit = model.position().max_positions();
  // The last token is not read.
  check(!limit || prompt_tokens + max_tokens - 1 <= *limit, ErrorKind::Config,
        "prompt and tokens must fit the ", limit.value_or(0),
        " positions that the position method can tell apart, got a prompt of ", prompt_tokens,
        " tokens and ", max_tokens, " more");
}

GenerationCost generate(const Transformer& model,
                        std::span<const std::vector<std::int32_t>> prompts,
                        const GenerationOptions& options, const TakeToken& take) {
  const at::NoGradGuard no_gradient;
  return Generation(model, prompts, options, take).run();
}

}  // namespace longspan
