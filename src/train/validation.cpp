// Validation while a run trains.

#include "train/validation.h"

#include <algorithm>

#include "longspan/evaluate/evaluate.h"

namespace longspan {

std::optional<Validation> validate(const RunConfig& config, const Transformer& model,
                                   const ShardFolder& data, Communicator& communicator,
                                   const std::function<bool()>& should_stop) {
  const EvaluationText text{data.stream("valid"), data.counts("valid"), data.shared_tokenizer(),
                            "valid"};
  EvaluationOptions options;
  options.train_length = config.data.seq_len;
  options.compute_dtype = config.compute_dtype();
  options.max_targets = config.validate.max_targets;
  options.communicator = &communicator;
  options.should_stop = should_stop;
  const auto score = [&](std::int64_t length) {
    const auto cell = evaluate_cell(model, text, length, EvaluationMode{}, options);
    return Validation::Score{length, cell.loss_nats, cell.ppl};
  };
  try {
    Validation result;
    for (const std::int64_t length : config.validate.lengths)
      result.scores.push_back(score(length));
    const auto limit = model.position().max_positions();
    for (const std::int64_t length : config.validate.extrapolation_lengths)
      if (!limit || length <= *limit) result.extrapolation.push_back(score(length));
    return result;
  } catch (const EvaluationStopped&) {
    return std::nullopt;
  }
}

std::optional<double> value_of(const Validation& validation, const BestMetric& metric) {
  if (metric.kind == BestMetric::Kind::ValidLoss) return validation.scores.front().loss_nats;
  if (metric.kind == BestMetric::Kind::ValidPpl) return validation.scores.front().ppl;
  const auto found =
      std::ranges::find(validation.extrapolation, metric.length, &Validation::Score::length);
  if (found == validation.extrapolation.end()) return std::nullopt;
  return found->ppl;
}

}  // namespace longspan
