// One cell of an evaluation: the scores of all targets, boiled down to the numbers that are kept.

#include <chrono>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include "evaluate/statistics.h"
#include "longspan/core/error.h"
#include "longspan/core/hash.h"
#include "longspan/core/progress.h"
#include "longspan/device/device.h"
#include "longspan/evaluate/evaluate.h"

namespace longspan {
namespace {

// Sets what divides the sum by words and bytes of the raw text. A part of a stream is no known part
// of its text.
void set_text_measures(EvaluationCell& cell, double total_nats, const EvaluationText& text) {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  const bool whole = cell.targets == text.stream.size();
  const auto words = static_cast<double>(text.counts.words),
             bytes = static_cast<double>(text.counts.bytes);
  cell.word_ppl = whole && words > 0 ? std::exp(total_nats / words) : kNan;
  cell.bits_per_byte = whole && bytes > 0 ? total_nats / std::numbers::ln2 / bytes : kNan;
}

}  // namespace

std::string hash_of_targets(const TokenStream& stream, std::int64_t count) {
  constexpr std::int64_t kChunk = 65536, kIdBytes = sizeof(std::int64_t);
  Hasher hasher;
  std::vector<std::int64_t> ids(kChunk), pairs(2 * kChunk);
  ByteProgress progress("checksum of the targets", count * kIdBytes);
  for (std::int64_t begin = 0; begin < count; begin += kChunk) {
    const std::int64_t size = std::min(kChunk, count - begin);
    stream.copy(begin, size, ids.data());
    for (std::int64_t i = 0; i < size; ++i) {
      pairs[static_cast<std::size_t>(2 * i)] = begin + i;
      pairs[static_cast<std::size_t>(2 * i + 1)] = ids[static_cast<std::size_t>(i)];
    }
    hasher.update(std::as_bytes(std::span(pairs).first(static_cast<std::size_t>(2 * size))));
    progress.add(size * kIdBytes);
  }
  return hasher.digest();
}

ScoredCell score_cell(const Transformer& model, const EvaluationText& text, std::int64_t length,
                      EvaluationMode mode, const EvaluationOptions& options,
                      const std::vector<double>* trained) {
  const auto device = model.parameters().front().tensor.device();
  reset_peak_memory(device);
  const auto start = std::chrono::steady_clock::now();
  std::vector<double> losses = score_targets(model, text, length, mode, options);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  for (double& loss : losses) loss = -loss;

  EvaluationCell cell;
  cell.length = length;
  cell.mode = mode;
  cell.targets = static_cast<std::int64_t>(losses.size());
  cell.targets_hash = hash_of_targets(text.stream, cell.targets);
  const double total_nats = std::accumulate(losses.begin(), losses.end(), 0.0);
  cell.loss_nats = total_nats / static_cast<double>(cell.targets);
  cell.ppl = std::exp(cell.loss_nats);
  cell.ppl_stderr = cell.ppl * standard_error(losses);
  const Interval interval = bootstrap_interval(losses);
  cell.ppl_interval = {std::exp(interval.low), std::exp(interval.high)};
  set_text_measures(cell, total_nats, text);
  const std::vector<Window> windows = make_windows(cell.targets, length, mode);
  LossByContext by_context = loss_by_context(losses, windows, options.train_length);
  cell.early_token_loss = by_context.early;
  cell.full_context_loss = by_context.full;
  cell.loss_by_context = std::move(by_context.buckets);
  if (trained != nullptr && length > options.train_length)
    cell.gain = length_gain(*trained, losses, windows, options.train_length);
  cell.tokens_per_second = static_cast<double>(cell.targets) / seconds.count();
  cell.peak_bytes = peak_memory(device);
  return {std::move(cell), std::move(losses)};
}

EvaluationCell evaluate_cell(const Transformer& model, const EvaluationText& text,
                             std::int64_t length, EvaluationMode mode,
                             const EvaluationOptions& options) {
  return score_cell(model, text, length, mode, options).cell;
}

Json to_json(const EvaluationCell& cell) {
  Json buckets = Json::array();
  for (const ContextBucket& bucket : cell.loss_by_context)
    buckets.push_back({{"first", bucket.first},
                       {"last", bucket.last},
                       {"targets", bucket.targets},
                       {"loss_nats", bucket.loss_nats}});
  Json gain;
  if (cell.gain)
    gain = {{"total_nats", cell.gain->total_nats},
            {"fewer_early_tokens_nats", cell.gain->fewer_early_tokens_nats},
            {"longer_context_nats", cell.gain->longer_context_nats}};
  return {{"length", cell.length},
          {"mode", cell.mode.name()},
          {"stride", cell.mode.stride == 0 ? cell.length : cell.mode.stride},
          {"targets", cell.targets},
          {"targets_hash", cell.targets_hash},
          {"loss_nats", cell.loss_nats},
          {"ppl", cell.ppl},
          {"ppl_stderr", cell.ppl_stderr},
          {"word_ppl", cell.word_ppl},
          {"bits_per_byte", cell.bits_per_byte},
          {"early_token_loss", cell.early_token_loss},
          {"full_context_loss", cell.full_context_loss},
          {"tokens_per_second", cell.tokens_per_second},
          {"peak_bytes", cell.peak_bytes},
          {"ppl_interval", {cell.ppl_interval.low, cell.ppl_interval.high}},
          {"loss_by_context", buckets},
          {"gain", gain}};
}

}  // namespace longspan
