// With weights a that sum up to p, corpus c is behind by d = a (n + 1) - p N after its N sequences
// of n, in units of 1 / p. It may come once d (2k - 2) >= p for k corpora, and its last place is
// the sooner the smaller (p (2k - 3) - (2k - 2) d) / a is.
#include "data/mixture_rule.h"

#include <numeric>
#include <utility>

#include "longspan/core/error.h"

namespace longspan {

MixtureRule::MixtureRule(Counts weights) : weights_(std::move(weights)) {
  std::int64_t divisor = 0;
  for (const std::int64_t weight : weights_) {
    check(weight > 0, ErrorKind::Internal, "the weight of a corpus must be above 0, got ", weight);
    divisor = std::gcd(divisor, weight);
  }
  for (std::int64_t& weight : weights_) weight /= divisor;
  period_ = std::accumulate(weights_.begin(), weights_.end(), std::int64_t{0});
  check(!weights_.empty() && weights_.size() <= kMostCorpora && period_ <= kMostSum,
        ErrorKind::Internal, "a mixture must have from 1 to ", kMostCorpora,
        " corpora with weights that sum up to at most ", kMostSum, ", got ", weights_.size(),
        " corpora and ", period_);
}

std::size_t MixtureRule::next(Counts& counts) const {
  if (weights_.size() == 1) return ++counts[0], 0;
  const auto corpora = static_cast<std::int64_t>(weights_.size());
  const std::int64_t number = std::accumulate(counts.begin(), counts.end(), std::int64_t{1}),
                     slack = 2 * corpora - 2, rounds = (number - 1) / period_,
                     number_in_round = number - rounds * period_;
  std::size_t chosen = weights_.size();
  std::int64_t chosen_left = 0;
  for (std::size_t c = 0; c < weights_.size(); ++c) {
    const std::int64_t behind =
        weights_[c] * number_in_round - period_ * (counts[c] - rounds * weights_[c]);
    if (behind * slack < period_) continue;
    const std::int64_t left = period_ * (slack - 1) - slack * behind;
    if (chosen < weights_.size() && left * weights_[chosen] >= chosen_left * weights_[c]) continue;
    chosen = c;
    chosen_left = left;
  }
  check(chosen < weights_.size(), ErrorKind::Internal, "a corpus must come at sequence ", number);
  ++counts[chosen];
  return chosen;
}

MixtureRule::Counts MixtureRule::counts_before(std::int64_t n) const {
  Counts within(weights_.size(), 0);
  for (std::int64_t i = 0; i < n % period_; ++i) next(within);
  for (std::size_t c = 0; c < weights_.size(); ++c) within[c] += n / period_ * weights_[c];
  return within;
}

}  // namespace longspan
