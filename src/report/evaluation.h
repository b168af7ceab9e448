#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "longspan/core/json.h"

namespace longspan::report {

/// A perplexity as it was published, and where.
struct PublishedFigure {
  double ppl = 0.0;
  std::string table;
};

/// A 95 % interval.
struct Interval {
  double low = 0.0, high = 0.0;
};

/// What a length gains over the trained one, in nats a target, and the two parts of it.
struct Gain {
  double total_nats = 0.0;
  double fewer_early_tokens_nats = 0.0;  ///< of targets that see at most the trained length
  double longer_context_nats = 0.0;      ///< of those that see more
};

/// The mean loss of the targets that see from `first` to `last` tokens.
struct ContextLoss {
  std::int64_t first = 0, last = 0;
  std::int64_t targets = 0;
  double loss_nats = 0.0;
};

/// How a run differs from another on the same targets.
struct PairedDifference {
  double mean_nats = 0.0;       ///< its losses less the other's
  double standard_error = 0.0;  ///< of the mean
  double p_value = 0.0;         ///< of a mean of zero
};

/// A row of an evaluations file that holds a cell's losses against another run's.
struct PairedRow {
  std::string run, against;
  std::string model_hash, against_model_hash;
  std::string mode;
  std::string targets_hash;
  std::string dtype;
  std::string position_overrides;
  std::int64_t checkpoint_step = 0;
  std::int64_t length = 0;
  PairedDifference difference;
};

/// One cell of an evaluations file: a (run, length, mode) with its number and its protocol.
struct Cell {
  std::string run;
  std::string method;
  std::string mode;
  std::string text;  ///< what was scored: a split or a text file; the split where the file is old
  std::string targets_hash;
  std::string model_hash;  ///< empty where the file is old
  std::string dtype;
  std::string position_overrides;  ///< "key=value; key=value"; empty for none
  std::int64_t checkpoint_step = 0;
  std::int64_t train_length = 0;
  std::int64_t length = 0;
  std::int64_t stride = 0;
  std::int64_t targets = 0;
  double ppl = 0.0;  ///< NaN where the file has null: not a finite number
  std::optional<double> ppl_stderr;
  std::optional<Interval> ppl_interval;
  std::optional<Gain> gain;
  std::vector<ContextLoss> loss_by_context;  ///< empty where the file is old
  std::optional<double> tokens_per_second;
  std::optional<double> peak_bytes;
  std::optional<PublishedFigure> paper;  ///< beside which ppl is laid
  Json object;                           ///< as read
};

/// An evaluations file.
struct Evaluation {
  std::string split;  ///< the file's name
  std::vector<Cell> cells;
  std::vector<PairedRow> comparisons = {};
};

/// Reads evaluations/<split>.json. @throws Error(Io); Error(Data) that names file, cell and key
Evaluation read_evaluation(const std::filesystem::path& path);

/// Returns the cells as CSV (RFC 4180): a header, a row a cell, the split first, then the cell's
/// keys in the order of the interface. A number has the digits of the JSON file; null is empty.
std::string to_csv(const std::vector<Evaluation>& evaluations);

}  // namespace longspan::report
