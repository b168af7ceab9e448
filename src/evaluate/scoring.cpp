// Scores windows in batches. Rows that are shorter than the longest of their batch are padded on
// the right, where a causal model never looks; only the positions that are scored go through the
// head.

#include <ATen/core/grad_mode.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <vector>

#include "evaluate/evaluation_text.h"
#include "longspan/core/error.h"
#include "longspan/evaluate/evaluate.h"

namespace longspan {
namespace {

std::int64_t size_of(const Window& window) { return window.end - window.context_begin; }

// Returns how many windows from the front of `windows` go into one batch, padding counted.
std::size_t batch_size(std::span<const Window> windows, std::int64_t max_tokens) {
  std::int64_t longest = 0;
  std::size_t count = 0;
  for (const Window& window : windows) {
    longest = std::max(longest, size_of(window));
    if (count > 0 && static_cast<std::int64_t>(count + 1) * longest > max_tokens) break;
    ++count;
  }
  return count;
}

struct Batch {
  at::Tensor input_ids_BT;
  at::Tensor scored_rows_N;  // of features [B * T, D]
  at::Tensor targets_N;
};

Batch read_batch(const EvaluationText& text, std::span<const Window> windows) {
  std::int64_t T = 0, N = 0;
  for (const Window& window : windows) {
    T = std::max(T, size_of(window));
    N += window.end - window.score_begin;
  }
  Batch batch{at::zeros({static_cast<std::int64_t>(windows.size()), T}, at::kLong),
              at::zeros({N}, at::kLong), at::zeros({N}, at::kLong)};
  auto* inputs = batch.input_ids_BT.mutable_data_ptr<std::int64_t>();
  auto* rows = batch.scored_rows_N.mutable_data_ptr<std::int64_t>();
  auto* targets = batch.targets_N.mutable_data_ptr<std::int64_t>();
  std::int64_t first_row = 0;
  for (const Window& window : windows) {
    copy_inputs(text, window, inputs + first_row);
    const std::int64_t count = window.end - window.score_begin;
    text.stream.copy(window.score_begin, count, targets);
    for (std::int64_t i = 0; i < count; ++i)
      rows[i] = first_row + window.score_begin - window.context_begin + i;
    rows += count;
    targets += count;
    first_row += T;
  }
  return batch;
}

std::vector<double> score_batch(const Transformer& model, const Batch& batch,
                                at::ScalarType compute_dtype) {
  const auto device = model.parameters().front().tensor.device();
  ForwardOptions options;
  options.compute_dtype = compute_dtype;
  const at::Tensor features_BTD = model.features(batch.input_ids_BT.to(device), options);
  const at::Tensor features_ND = features_BTD.reshape({-1, features_BTD.size(2)})
                                     .index_select(0, batch.scored_rows_N.to(device));
  const at::Tensor scores_N =
      model.target_log_probabilities(features_ND, batch.targets_N.to(device))
          .to(at::kCPU, at::kDouble)
          .contiguous();
  const auto* scores = scores_N.const_data_ptr<double>();
  return {scores, scores + scores_N.numel()};
}

void check_length(const Transformer& model, std::int64_t length) {
  const auto limit = model.position().max_positions();
  check(!limit || length <= *limit, ErrorKind::Config, "the evaluation length must be at most the ",
        limit.value_or(0), " positions that the model's position method can tell apart, got ",
        length);
}

}  // namespace

std::vector<double> score_targets(const Transformer& model, const EvaluationText& text,
                                  std::int64_t length, EvaluationMode mode,
                                  const EvaluationOptions& options) {
  check_length(model, length);
  const std::vector<Window> windows = make_windows(num_targets(text, options), length, mode);
  check(!windows.empty(), ErrorKind::Data, "the text of split ", text.split,
        " must have a token to score, it has none");
  const at::NoGradGuard no_gradient;
  const int ranks = options.communicator == nullptr ? 1 : options.communicator->world_size(),
            own = options.communicator == nullptr ? 0 : options.communicator->rank();
  // Batches go round the ranks; what another rank scores stays 0 here, so that the sum over ranks
  // is exact. The last number counts the ranks that were told to stop.
  std::vector<double> scores(static_cast<std::size_t>(windows.back().end) + 1, 0.0);
  std::span<const Window> left(windows);
  for (std::int64_t number = 0; !left.empty(); ++number) {
    const auto batch = left.first(batch_size(left, options.max_batch_tokens));
    if (number % ranks == own) {
      if (options.should_stop && options.should_stop()) {
        scores.back() = 1.0;
        break;
      }
      std::ranges::copy(score_batch(model, read_batch(text, batch), options.compute_dtype),
                        scores.begin() + batch.front().score_begin);
    }
    if (options.when_done) options.when_done(batch);
    left = left.subspan(batch.size());
  }
  if (ranks > 1)
    options.communicator->all_reduce(
        at::from_blob(scores.data(), {static_cast<std::int64_t>(scores.size())}, at::kDouble));
  if (scores.back() > 0.0) throw EvaluationStopped{};
  scores.pop_back();
  return scores;
}

std::int64_t num_targets(const EvaluationText& text, const EvaluationOptions& options) {
  return options.max_targets > 0 ? std::min(options.max_targets, text.stream.size())
                                 : text.stream.size();
}

}  // namespace longspan
