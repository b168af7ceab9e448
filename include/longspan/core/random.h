#pragma once

#include <cstdint>

#include "longspan/core/philox.h"

namespace longspan {

/// What a random number is for; each purpose has its own numbers. The values are part of the format
/// of a run: never renumber.
enum class RandomPurpose : std::uint32_t {
  Initialization = 1,
  DataOrder = 2,
  Dropout = 3,
  Sampling = 4,
  SyntheticText = 5,
  Benchmark = 6,
  Bootstrap = 7,
};

/// Returns the Philox key of (seed, purpose, index); index separates, say, layers or epochs.
PhiloxKey random_key(std::uint64_t seed, RandomPurpose purpose, std::uint64_t index);

/// Reads the numbers of one key in order, from any place in it; a function of its arguments alone.
class RandomStream {
 public:
  RandomStream(std::uint64_t seed, RandomPurpose purpose, std::uint64_t index,
               std::uint64_t subindex = 0);

  /// Returns 32 random bits.
  std::uint32_t bits();
  /// Returns a number in [0, 1) with 53 random bits.
  double uniform();
  /// Returns a standard normal number (Box-Muller).
  double normal();
  /// Returns an integer in [0, bound), without bias. @param bound > 0
  std::uint64_t below(std::uint64_t bound);

 private:
  PhiloxKey key_;
  std::uint64_t subindex_;
  std::uint64_t block_ = 0;
  PhiloxCounter words_{};
  int used_ = 4;
};

}  // namespace longspan
