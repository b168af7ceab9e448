#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "longspan/core/json.h"
#include "longspan/data/shards.h"
#include "longspan/distributed/communicator.h"
#include "longspan/evaluate/measures.h"
#include "longspan/evaluate/protocol.h"
#include "longspan/model/transformer.h"

namespace longspan {

/// What is scored.
struct EvaluationText {
  TokenStream stream;
  TextCounts counts;
  std::shared_ptr<const Tokenizer> tokenizer;
  std::string split;
};

/// The numbers of one (length, mode); interface section 4.
struct EvaluationCell {
  std::int64_t length = 0;
  EvaluationMode mode;
  std::int64_t targets = 0;
  std::string targets_hash;  ///< of the scored (position, id) pairs: equal along a curve
  double loss_nats = 0.0;    ///< mean over targets
  double ppl = 0.0;
  double ppl_stderr = 0.0;  ///< ppl times the standard error of the mean loss over contiguous
                            ///< segments of the stream, the same for every length (delta method)
  Interval ppl_interval;    ///< by the block bootstrap over the same segments
  double word_ppl =
      0.0;  ///< exp(sum over targets / words of the raw text); NaN when only a part was scored
  double bits_per_byte =
      0.0;  ///< sum over targets / ln 2 / bytes of the raw text; NaN when only a part was scored
  double early_token_loss =
      0.0;  ///< mean over targets with less context than half the trained length
  double full_context_loss = 0.0;  ///< mean over targets with at least the trained length of
                                   ///< context; NaN when there is none
  std::vector<ContextBucket> loss_by_context;
  /// Over the trained length, where this one is longer and that one was scored beside it.
  std::optional<LengthGain> gain;
  double tokens_per_second = 0.0;
  std::int64_t peak_bytes =
      0;  ///< CPU: resident memory of the process since its start; else allocated on the device
};

struct EvaluationOptions {
  std::int64_t train_length = 0;
  std::int64_t max_batch_tokens =
      8192;  ///< windows are batched up to this; results do not depend on it but for rounding
  at::ScalarType compute_dtype = at::kFloat;
  std::int64_t max_targets = 0;  ///< score only the first this many targets (probes); 0: all
  /// When given, its ranks share the work, and scoring is collective: every rank gets all scores,
  /// the same bits as one rank alone.
  Communicator* communicator = nullptr;
  /// When given, asked between batches; true ends the scoring with EvaluationStopped, on all ranks
  /// when one says so.
  std::function<bool()> should_stop = {};
  /// When given, told of each batch of windows, whichever rank scores it, once this rank is past
  /// it.
  std::function<void(std::span<const Window>)> when_done = {};
};

/// Thrown where options.should_stop ended the scoring: no error, and no scores.
struct EvaluationStopped {};

/// Returns the number of targets that are scored.
std::int64_t num_targets(const EvaluationText& text, const EvaluationOptions& options);
/// Returns log p in nats of every target of the stream, in stream order, float64.
/// @throws Error(Config) for a length that the position method cannot do; EvaluationStopped
std::vector<double> score_targets(const Transformer& model, const EvaluationText& text,
                                  std::int64_t length, EvaluationMode mode,
                                  const EvaluationOptions& options);
/// Returns the digest of (position, id) of each of the first `count` targets, as pairs of
/// little-endian int64.
std::string hash_of_targets(const TokenStream& stream, std::int64_t count);
/// A cell and the losses that it is made of.
struct ScoredCell {
  EvaluationCell cell;
  std::vector<double> losses;  ///< nats, of each target in stream order
};
/// Scores one cell. @param trained the losses of the same targets in windows of the trained length,
/// when they are known, for the cell's gain
ScoredCell score_cell(const Transformer& model, const EvaluationText& text, std::int64_t length,
                      EvaluationMode mode, const EvaluationOptions& options,
                      const std::vector<double>* trained = nullptr);
/// Scores one cell.
EvaluationCell evaluate_cell(const Transformer& model, const EvaluationText& text,
                             std::int64_t length, EvaluationMode mode,
                             const EvaluationOptions& options);
/// Returns a cell as the object that evaluations/<split>.json holds, without the keys that name the
/// run.
Json to_json(const EvaluationCell& cell);

}  // namespace longspan
