// Counter-based random numbers: every number is a function of (seed, purpose, index, subindex,
// place), so nothing need be saved to resume a run. The layout of counter and key is part of a
// run's format.
#include "longspan/core/random.h"

#include <cmath>
#include <numbers>

#include "longspan/core/error.h"

namespace longspan {
namespace {

constexpr std::uint32_t low_word(std::uint64_t value) { return static_cast<std::uint32_t>(value); }
constexpr std::uint32_t high_word(std::uint64_t value) {
  return static_cast<std::uint32_t>(value >> 32);
}

}  // namespace

PhiloxKey random_key(std::uint64_t seed, RandomPurpose purpose, std::uint64_t index) {
  const PhiloxCounter words = philox(
      {{low_word(index), high_word(index), static_cast<std::uint32_t>(purpose), 0x6C6F6E67u}},
      {{low_word(seed), high_word(seed)}});
  return {{words.x[0], words.x[1]}};
}

RandomStream::RandomStream(std::uint64_t seed, RandomPurpose purpose, std::uint64_t index,
                           std::uint64_t subindex)
    : key_(random_key(seed, purpose, index)), subindex_(subindex) {}

std::uint32_t RandomStream::bits() {
  if (used_ == 4) {
    words_ = philox(
        {{low_word(block_), high_word(block_), low_word(subindex_), high_word(subindex_)}}, key_);
    ++block_;
    used_ = 0;
  }
  return words_.x[used_++];
}

double RandomStream::uniform() {
  const std::uint64_t high = bits() >> 5;
  const std::uint64_t low = bits() >> 6;
  return static_cast<double>((high << 26) | low) * 0x1p-53;
}

double RandomStream::normal() {
  const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));  // 1 - u is never 0
  return radius * std::cos(2.0 * std::numbers::pi * uniform());
}

std::uint64_t RandomStream::below(std::uint64_t bound) {
  check(bound > 0, ErrorKind::Internal, "RandomStream::below must get a bound above 0");
  const std::uint64_t skipped = (0 - bound) % bound;  // 2^64 mod bound: the rest divides evenly
  for (;;) {
    const std::uint64_t high = bits();
    const std::uint64_t value = (high << 32) | bits();
    if (value >= skipped) return value % bound;
  }
}

}  // namespace longspan
