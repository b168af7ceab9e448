// Tokens are taken from a heap, the likeliest first, only as far as they are needed: the vocabulary
// is large and a draw seldom goes far.

#include "longspan/generate/sampling.h"

#include <algorithm>
#include <cmath>

#include "longspan/core/error.h"

namespace longspan {

void check_sampling(const SamplingOptions& options) {
  check(std::isfinite(options.temperature) && options.temperature >= 0, ErrorKind::Config,
        "--temperature must be a finite number of at least 0, got ", options.temperature);
  check(options.top_k >= 0, ErrorKind::Config, "--top-k must be at least 0 (0: all tokens), got ",
        options.top_k);
  check(options.top_p > 0 && options.top_p <= 1, ErrorKind::Config,
        "--top-p must be above 0 and at most 1, got ", options.top_p);
  check(std::isfinite(options.repetition_penalty) && options.repetition_penalty >= 1,
        ErrorKind::Config, "--repetition-penalty must be a finite number of at least 1, got ",
        options.repetition_penalty);
}

Sampler::Sampler(const SamplingOptions& options) : options_(options) { check_sampling(options); }

void Sampler::fill(std::span<const float> log_probabilities, std::span<const std::int32_t> seen) {
  heap_.resize(log_probabilities.size());
  for (std::size_t id = 0; id < heap_.size(); ++id) {
    check(!std::isnan(log_probabilities[id]), ErrorKind::Numeric, "log p of token ", id,
          " must be a number, got NaN; weights of the checkpoint are NaN or infinite");
    heap_[id] = {static_cast<double>(log_probabilities[id]), static_cast<std::int32_t>(id)};
  }
  if (options_.repetition_penalty != 1) {
    marks_.resize(heap_.size(), 0);
    ++call_;
    for (const std::int32_t id : seen) {
      std::uint32_t& mark = marks_[static_cast<std::size_t>(id)];
      if (mark == call_) continue;
      mark = call_;
      heap_[static_cast<std::size_t>(id)].score *= options_.repetition_penalty;
    }
  }
  num_taken_ = 0;
}

double Sampler::total_mass() const {
  double sum = 0;
  for (const Entry& entry : heap_) sum += std::exp(entry.score - greatest_);
  return sum;
}

// Returns exp(score - greatest) of the token at a rank. Those before it must have been asked for.
double Sampler::mass_of(std::size_t rank) {
  if (rank == num_taken_) {
    std::ranges::pop_heap(heap_.begin(), heap_.end() - static_cast<std::ptrdiff_t>(rank),
                          is_behind);
    ++num_taken_;
  }
  return std::exp(heap_[heap_.size() - 1 - rank].score - greatest_);
}

std::int32_t Sampler::draw(double uniform) {
  std::size_t count = heap_.size();
  double mass = 0;
  if (options_.top_k > 0 && static_cast<std::size_t>(options_.top_k) < count) {
    count = static_cast<std::size_t>(options_.top_k);
    for (std::size_t rank = 0; rank < count; ++rank) mass += mass_of(rank);
  } else {
    mass = total_mass();
  }
  if (options_.top_p < 1) {
    const double share = options_.top_p * mass;
    double sum = 0;
    std::size_t rank = 0;
    while (rank < count && sum < share) sum += mass_of(rank++);
    count = rank;
    mass = sum;
  }
  const double target = uniform * mass;
  double sum = 0;
  std::size_t rank = 0;
  for (; rank < count; ++rank) {
    sum += mass_of(rank);
    if (sum > target) break;
  }
  return heap_[heap_.size() - 1 - std::min(rank, count - 1)].id;
}

Sampler::Choice Sampler::choose(std::span<const float> log_probabilities,
                                std::span<const std::int32_t> seen, double uniform) {
  fill(log_probabilities, seen);
  std::int32_t id = std::ranges::max_element(heap_, is_behind)->id;
  if (options_.temperature > 0) {
    for (Entry& entry : heap_) entry.score /= options_.temperature;
    greatest_ = heap_[static_cast<std::size_t>(id)].score;
    check(std::isfinite(greatest_), ErrorKind::Numeric,
          "the greatest log p must be a finite number, got ", greatest_);
    std::ranges::make_heap(heap_, is_behind);
    id = draw(uniform);
  }
  return {id, static_cast<double>(log_probabilities[static_cast<std::size_t>(id)])};
}

}  // namespace longspan
