#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace longspan {

/// Says which corpus of a mixture each sequence of a run comes from, so that of the first n
/// sequences each corpus has its share of n within less than one, for every n. No draw and no
/// table: corpora wait for their next sequence, each has a last place by which it must come, and of
/// those that may come the one whose last place is first does.
/// @see Tijdeman, "The chairman assignment problem", Discrete Mathematics 32, 1980
class MixtureRule {
 public:
  using Counts = std::vector<std::int64_t>;

  /// The most that weights may sum up to once their greatest common divisor is taken out: after so
  /// many sequences the rule begins again.
  static constexpr std::int64_t kMostSum = std::int64_t{1} << 20;
  static constexpr std::size_t kMostCorpora = 256;

  /// @param weights at least one, each at least 1
  explicit MixtureRule(Counts weights);

  std::size_t num_corpora() const { return weights_.size(); }
  /// Returns after how many sequences the rule begins again.
  std::int64_t period() const { return period_; }
  /// Returns the corpus of the sequence behind those that were counted, and counts it. @param
  /// counts as counts_before() returned them, and since then changed by next() alone
  std::size_t next(Counts& counts) const;
  /// Returns how many of the first n sequences each corpus has. Takes a time that grows with n
  /// modulo period().
  Counts counts_before(std::int64_t n) const;

 private:
  Counts weights_;  // without a common divisor
  std::int64_t period_ = 0;
};

}  // namespace longspan
