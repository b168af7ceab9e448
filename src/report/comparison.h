#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "report/lines.h"

namespace longspan::report {

/// A line's perplexity at one length, over the runs that repeat it.
struct CurvePoint {
  std::int64_t length = 0;
  double mean = 0.0;  ///< NaN when a run's perplexity is not finite
  double low = 0.0;
  double high = 0.0;
  /// The mean's 95 % interval over other text of the same kind, where each run tells its own: the
  /// means of their ends. Runs share the text, so the error of their mean is at most that.
  std::optional<Interval> interval;
  std::optional<double> tokens_per_second;        ///< mean of the runs that tell it
  std::optional<double> peak_bytes;               ///< highest of the runs that tell it
  std::optional<Gain> gain;                       ///< mean, where each run tells it
  std::vector<ContextLoss> loss_by_context = {};  ///< means, where each run tells the same contexts
};

/// Perplexity over length.
struct Curve {
  std::size_t line = 0;
  Look look;
  std::string label;
  std::vector<std::string> runs;  ///< names; more than one are repetitions
  std::int64_t train_length = 0;
  std::vector<CurvePoint> points;  ///< by length

  /// Returns the point at a length, or null.
  const CurvePoint* at(std::int64_t length) const;
};

/// One part of the protocol in which cells of one plot differ, and which curves have which value.
struct Difference {
  struct Value {
    std::string value;
    std::vector<std::string> labels;
  };
  std::string key;
  std::vector<Value> values;
};

/// How one run of the report differs from another at a length.
struct Pair {
  std::string run;      ///< as the report names it
  std::string against;  ///< so too where the report has it
  std::int64_t length = 0;
  PairedDifference difference;
};

/// What is drawn on one pair of axes.
struct Comparison {
  std::string split;                  ///< what was scored: a split or a text file
  std::string mode;                   ///< empty when lines of several modes share the plot
  std::vector<std::int64_t> lengths;  ///< evaluated ones, rising
  std::vector<std::int64_t> train_lengths;
  std::vector<Curve> curves;
  std::vector<Difference> differences;  ///< empty when every cell has the same protocol
  std::vector<const Cell*> cells;       ///< of the runs given to compare()
  /// Comparisons of the models that the cells are of; of models that were since trained on, none.
  std::vector<Pair> pairs = {};
};

/// Sorts the cells of the runs into plots. The split test comes first, then valid, then the others;
/// the non-overlapping mode comes before sliding ones.
std::vector<Comparison> compare(const std::vector<Run>& runs, const Lines& lines, Modes modes);

/// Returns "dtype differs: float32 (alibi), bfloat16 (t5)".
std::string to_text(const Difference& difference);

}  // namespace longspan::report
