#include "longspan/core/random.h"

#include <algorithm>
#include <array>
#include <bit>
#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <map>
#include <numeric>
#include <set>
#include <utility>

#include "longspan/core/error.h"
#include "unit/core/chi_square.h"
#include "unit/core/error_of.h"

namespace longspan {
namespace {

using testing::check_chi_square;
using testing::chi_square;
using testing::kLogChance;

// Dvoretzky-Kiefer-Wolfowitz: P(sup |F_n - F| > e) <= 2 exp(-2 n e^2).
template <class Distribution>
void check_distribution(std::vector<double> values, Distribution distribution) {
  std::sort(values.begin(), values.end());
  const auto count = static_cast<double>(values.size());
  double largest = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double expected = distribution(values[i]);
    largest = std::max({largest, std::abs(static_cast<double>(i) / count - expected),
                        std::abs(static_cast<double>(i + 1) / count - expected)});
  }
  CHECK(largest < std::sqrt((kLogChance + std::log(2.0)) / (2 * count)));
}

std::array<std::uint32_t, 4> words_of(PhiloxCounter counter, PhiloxKey key) {
  const PhiloxCounter words = philox(counter, key);
  return {words.x[0], words.x[1], words.x[2], words.x[3]};
}

using Words = std::array<std::uint32_t, 4>;

// From kat_vectors of the Random123 distribution.
TEST_CASE("philox gives the known answers") {
  CHECK(words_of({{0, 0, 0, 0}}, {{0, 0}}) ==
        Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  constexpr std::uint32_t kOnes = 0xffffffff;
  CHECK(words_of({{kOnes, kOnes, kOnes, kOnes}}, {{kOnes, kOnes}}) ==
        Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(words_of({{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}}, {{0xa4093822, 0x299f31d0}}) ==
        Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("philox can be computed at compile time") {
  static_assert(philox({{0, 0, 0, 0}}, {{0, 0}}).x[0] == 0x6627e8d5);
}

// Recorded from a separate implementation of the layout in Python: runs must never change.
TEST_CASE("keys and streams keep their recorded values") {
  const PhiloxKey plain = random_key(1, RandomPurpose::Initialization, 0);
  CHECK(plain.x[0] == 0x58dda471);
  CHECK(plain.x[1] == 0xe8a500d4);
  const PhiloxKey wide = random_key(0x123456789abcdef0, RandomPurpose::Dropout, 0xfedcba9876543210);
  CHECK(wide.x[0] == 0x0b027a9f);
  CHECK(wide.x[1] == 0x7bf62184);

  RandomStream order(1, RandomPurpose::DataOrder, 5);
  for (const std::uint32_t word :
       {0x3657b86au, 0x6842c0a8u, 0xf4da8f6bu, 0x5253591cu, 0x03d8045fu, 0x61cc0f2bu}) {
    CHECK(order.bits() == word);
  }
  RandomStream dropout(0x123456789abcdef0, RandomPurpose::Dropout, 7, 0x1122334455667788);
  for (const std::uint32_t word :
       {0x393689f9u, 0xa4c548a8u, 0xa7f937a8u, 0x2bb87958u, 0x7fe141b2u}) {
    CHECK(dropout.bits() == word);
  }
  CHECK(RandomStream(1, RandomPurpose::Sampling, 0).uniform() == 0.7400713770070442);
}

TEST_CASE("every seed, purpose and index has its own key") {
  std::set<std::pair<std::uint32_t, std::uint32_t>> keys;
  std::size_t count = 0;
  for (const std::uint64_t seed : {0ull, 1ull, 2ull, 1ull << 31, 1ull << 32, 1ull << 63}) {
    for (std::uint32_t purpose = 1; purpose <= 6; ++purpose) {
      for (std::uint64_t index = 0; index < 50; ++index) {
        for (const std::uint64_t scaled : {index, index << 32, ~index}) {
          const PhiloxKey key = random_key(seed, static_cast<RandomPurpose>(purpose), scaled);
          keys.insert({key.x[0], key.x[1]});
          ++count;
        }
      }
    }
  }
  // index 0 occurs twice among the scaled ones.
  CHECK(keys.size() == count - 6 * 6);
}

// Flipping one input bit must flip each output bit with chance 1/2. Hoeffding: the mean of n fair
// bits is off by e with a chance below 2 exp(-2 n e^2).
TEST_CASE("each bit of seed and index changes half of the key's bits") {
  constexpr int kBases = 64;
  for (int bit = 0; bit < 128; ++bit) {
    int flipped = 0;
    for (int base = 0; base < kBases; ++base) {
      const auto seed = static_cast<std::uint64_t>(base) * 977;
      const auto index = static_cast<std::uint64_t>(base) * 31;
      const std::uint64_t seed_flip = bit < 64 ? 1ull << bit : 0;
      const std::uint64_t index_flip = bit < 64 ? 0 : 1ull << (bit - 64);
      const PhiloxKey before = random_key(seed, RandomPurpose::Dropout, index);
      const PhiloxKey after =
          random_key(seed ^ seed_flip, RandomPurpose::Dropout, index ^ index_flip);
      flipped += std::popcount(before.x[0] ^ after.x[0]) + std::popcount(before.x[1] ^ after.x[1]);
    }
    const double trials = 64.0 * kBases;
    CHECK(std::abs(flipped / trials - 0.5) <
          std::sqrt((kLogChance + std::log(2.0)) / (2 * trials)));
  }
}

TEST_CASE("streams of other subindices differ and repeat") {
  const auto first_words = [](std::uint64_t subindex) {
    RandomStream stream(3, RandomPurpose::Dropout, 5, subindex);
    return std::array{stream.bits(), stream.bits(), stream.bits()};
  };
  CHECK(first_words(0) == first_words(0));
  CHECK(first_words(0) != first_words(1));
  CHECK(first_words(1) != first_words(1ull << 32));
}

TEST_CASE("uniform numbers are uniform from 0 to below 1") {
  RandomStream stream(5, RandomPurpose::Sampling, 0);
  std::vector<double> values(100000);
  for (double& value : values) value = stream.uniform();
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  CHECK(*low >= 0.0);
  CHECK(*high < 1.0);
  check_distribution(values, [](double x) { return x; });
}

TEST_CASE("normal numbers are standard normal") {
  RandomStream stream(6, RandomPurpose::Initialization, 0);
  std::vector<double> values(100000);
  for (double& value : values) value = stream.normal();
  check_distribution(values, [](double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); });

  const auto count = static_cast<double>(values.size());
  const double sum = std::accumulate(values.begin(), values.end(), 0.0);
  CHECK(std::abs(sum) < std::sqrt(2 * kLogChance * count));  // P(|Z| > z) <= exp(-z^2 / 2)
  check_chi_square(std::inner_product(values.begin(), values.end(), values.begin(), 0.0), count);
}

TEST_CASE("below is uniform for a bound that is no power of two") {
  constexpr std::uint64_t kBound = 500;
  constexpr int kDraws = 200000;
  RandomStream stream(7, RandomPurpose::DataOrder, 1);
  std::array<int, kBound> counts{};
  for (int i = 0; i < kDraws; ++i) ++counts[stream.below(kBound)];
  check_chi_square(chi_square(counts, double{kDraws} / kBound), kBound - 1);
}

// A bound of 3/4 of 2^64: the plain remainder would give the lower third twice as often as the
// rest.
TEST_CASE("below has no bias for a bound near the word size") {
  constexpr std::uint64_t kBound = 3ull << 62;
  constexpr int kDraws = 30000;
  RandomStream stream(8, RandomPurpose::DataOrder, 2);
  std::array<int, 3> counts{};
  bool in_range = true;
  for (int i = 0; i < kDraws; ++i) {
    const std::uint64_t value = stream.below(kBound);
    in_range = in_range && value < kBound;
    ++counts[std::min<std::uint64_t>(value >> 62, 2)];
  }
  CHECK(in_range);
  check_chi_square(chi_square(counts, kDraws / 3.0), 2);
}

TEST_CASE("below takes bound 1 and refuses bound 0") {
  RandomStream stream(9, RandomPurpose::Sampling, 0);
  CHECK(stream.below(1) == 0);
  const Error error = testing::error_of([&] { stream.below(0); });
  CHECK(error.kind() == ErrorKind::Internal);
}

}  // namespace
}  // namespace longspan
