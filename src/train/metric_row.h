#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "longspan/core/json.h"
#include "longspan/data/batches.h"
#include "train/layer_norms.h"
#include "train/validation.h"

namespace longspan {

/// What a corpus of a mixture gave so far.
struct CorpusRow {
  std::string name;
  CorpusProgress progress;
};

/// A row of metrics.jsonl, interface section 3.
struct MetricRow {
  std::int64_t step = 0;
  std::int64_t tokens = 0;
  double epoch = 0.0;
  double loss = 0.0;  ///< nats a token, over the updates since the row before; NaN when none was
  double lr = 0.0;
  double grad_norm = 0.0;
  double tokens_per_second = 0.0;
  double step_seconds = 0.0;
  double data_wait_fraction = 0.0;
  std::int64_t peak_bytes = 0;
  std::optional<double> mfu = {};              ///< model FLOP utilization, where log.mfu asks
  std::optional<double> loss_scale = {};       ///< fp16 only
  std::optional<std::int64_t> skipped = {};    ///< so far, where updates may be left out
  std::optional<std::int64_t> rollbacks = {};  ///< so far, where the guard may roll back
  std::vector<CorpusRow> corpora = {};         ///< of a mixture
  std::vector<LayerNorms> layer_norms = {};    ///< of the row's step, where they were measured
  std::vector<double> activation_max = {};     ///< of each layer, as above
  std::optional<Validation> validation = {};
};

/// Returns a row as its keys and values, with the time of the call.
Json to_json(const MetricRow& row);

/// What a run has left to do.
struct Remaining {
  std::optional<std::int64_t> total_steps;  ///< nothing when only time limits the run
  std::optional<double> seconds;            ///< until max_seconds
};
/// Returns the line of progress that a user watches.
std::string progress_line(const MetricRow& row, const Remaining& remaining);
/// Returns a validation as "key=value" in the order and by the names of metrics.jsonl.
std::string text_of(const Validation& validation);

}  // namespace longspan
