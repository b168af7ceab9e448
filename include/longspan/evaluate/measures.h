#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace longspan {

/// An interval of 95 %.
struct Interval {
  double low = 0.0, high = 0.0;
};

/// The mean loss of the targets that see from `first` to `last` tokens.
struct ContextBucket {
  std::int64_t first = 0, last = 0;
  std::int64_t targets = 0;
  double loss_nats = 0.0;
};

/// Mean losses by how many tokens the targets see; NaN where there is no such target.
struct LossByContext {
  double early = 0.0;  ///< less than half the trained length
  double full = 0.0;   ///< at least the trained length
  /// Of 1, 2 to 3, 4 to 7, ... tokens, and the last to the most that a target sees; those with
  /// targets. A last one with less than half the targets of the one before it is part of that.
  std::vector<ContextBucket> buckets;
};

/// What a longer window gains over one of the trained length on the same targets, in nats a target:
/// the mean loss there less the mean loss here, and the parts of it (arXiv:2108.12409, appendix
/// B.2). The parts add up to the whole.
struct LengthGain {
  double total_nats = 0.0;
  /// From targets that see no more than the trained length here: fewer of them stand early in a
  /// window.
  double fewer_early_tokens_nats = 0.0;
  /// From targets that see more than the trained length.
  double longer_context_nats = 0.0;
};

/// How two models differ on the same targets.
struct PairedDifference {
  double mean_nats = 0.0;       ///< of the second's losses less the first's
  double standard_error = 0.0;  ///< of the mean, over contiguous segments of the text
  double p_value = 0.0;         ///< two-sided, of a mean of zero, by the normal distribution
};
/// @param first,second losses of the same targets in the text's order; NaN for fewer than two
PairedDifference paired_difference(const std::vector<double>& first,
                                   const std::vector<double>& second);

}  // namespace longspan
