#include "longspan/core/random_permutation.h"

#include <algorithm>
#include <array>
#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <map>
#include <vector>

#include "longspan/core/random.h"
#include "unit/core/chi_square.h"
#include "unit/core/error_of.h"

namespace longspan {
namespace {

using testing::check_chi_square;
using testing::chi_square;
using testing::kLogChance;
using Numbers = std::vector<std::int64_t>;

PhiloxKey key_of(std::uint64_t index) { return random_key(2, RandomPurpose::DataOrder, index); }

Numbers order_of(std::int64_t size, PhiloxKey key) {
  const RandomPermutation permutation(size, key);
  Numbers order;
  for (std::int64_t place = 0; place < size; ++place) order.push_back(permutation.at(place));
  return order;
}

/// Each round undone, from the last: a second writing-down of the layout, which finds a number's
/// place and so that no two places have the same number.
std::int64_t place_of(std::int64_t number, std::int64_t size, PhiloxKey key) {
  auto rows = static_cast<std::uint64_t>(std::sqrt(static_cast<long double>(size)));
  rows += rows % 2;
  const std::uint64_t columns = (static_cast<std::uint64_t>(size) + rows - 1) / rows;
  const auto drawn = [&](std::uint64_t bound, std::uint64_t place, std::uint32_t round) {
    const auto words = philox({{static_cast<std::uint32_t>(place), round, 0, 0}}, key);
    const auto product = static_cast<long double>(words.x[0]) * 0x1p-32L +
                         static_cast<long double>(words.x[1]) * 0x1p-64L;
    return static_cast<std::uint64_t>(product * static_cast<long double>(bound));
  };
  auto at = static_cast<std::uint64_t>(number);
  do {
    std::uint64_t row = at / columns, column = at % columns;
    for (std::uint32_t round = size < 4096 ? 24 : 8; round > 0; round -= 2) {
      column = (column + columns - drawn(columns, row, round - 1)) % columns;
      row = (row + rows - drawn(rows, column, round - 2)) % rows;
    }
    at = row * columns + column;
  } while (at >= static_cast<std::uint64_t>(size));
  return static_cast<std::int64_t>(at);
}

}  // namespace

TEST_CASE("a random permutation finds the place of each number") {
  for (const std::int64_t size : {1, 2, 3, 11, 100, 4095, 4097, 70001}) {
    const RandomPermutation permutation(size, key_of(static_cast<std::uint64_t>(size)));
    for (std::int64_t place = 0; place < size; place += 1 + size / 500)
      REQUIRE(permutation.place_of(permutation.at(place)) == place);
  }
}

// Recorded from a separate implementation of the layout in Python: runs must never change.
TEST_CASE("a random permutation keeps its recorded values") {
  const PhiloxKey key = random_key(42, RandomPurpose::DataOrder, 3);
  CHECK(order_of(11, key) == Numbers{1, 2, 3, 4, 9, 0, 5, 8, 10, 6, 7});
  const auto at = [](std::int64_t size, PhiloxKey its_key, const Numbers& places) {
    Numbers numbers;
    for (const auto place : places) numbers.push_back(RandomPermutation(size, its_key).at(place));
    return numbers;
  };
  CHECK(at(4095, key, {0, 1, 4094}) == Numbers{463, 2903, 2533});
  CHECK(at(4096, key, {0, 1, 4095}) == Numbers{506, 1313, 1806});
  constexpr std::int64_t kLarge = std::int64_t{1} << 33, kLargest = std::int64_t{1} << 62;
  CHECK(at(kLarge, key, {0, 1, 2, kLarge - 1}) ==
        Numbers{7205414232, 7759924397, 2045389079, 4972825743});
  const PhiloxKey wide = random_key((1ull << 63) + 5, RandomPurpose::DataOrder, 1ull << 40);
  CHECK(at(kLargest, wide, {0, kLargest - 1}) == Numbers{2485988559612781619, 3557076536573727634});
}

TEST_CASE("a random permutation of any size holds every number once") {
  Numbers sizes{127, 128, 251, 256, 1009, 1024, 4093, 4095, 4096, 4097, 65521, 65536};
  for (std::int64_t size = 1; size <= 100; ++size) sizes.push_back(size);
  for (const std::int64_t size : sizes) {
    CAPTURE(size);
    for (std::uint64_t index = 0; index < (size <= 100 ? 40 : 3); ++index) {
      Numbers order = order_of(size, key_of(index));
      std::ranges::sort(order);
      for (std::int64_t i = 0; i < size; ++i)
        if (order[static_cast<std::size_t>(i)] != i) FAIL("number " << i << " is missing");
    }
  }
}

TEST_CASE("a random permutation too large to look through can be undone at every place") {
  constexpr std::int64_t kLarge = std::int64_t{1} << 33;
  RandomStream random(3, RandomPurpose::Sampling, 0);
  for (const std::int64_t size : {std::int64_t{1000003}, std::int64_t{1} << 24, kLarge - 1, kLarge,
                                  kLarge + 1, 3 * kLarge + 7}) {
    CAPTURE(size);
    const PhiloxKey key = key_of(static_cast<std::uint64_t>(size));
    const RandomPermutation permutation(size, key);
    for (int i = 0; i < 3000; ++i) {
      const auto place =
          i < 2 ? i * (size - 1)
                : static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(size)));
      const std::int64_t number = permutation.at(place);
      REQUIRE(number >= 0);
      REQUIRE(number < size);
      REQUIRE(place_of(number, size, key) == place);
    }
  }
}

TEST_CASE("all random permutations of a few numbers are equally likely") {
  for (const auto& [size, orders] :
       std::map<std::int64_t, std::size_t>{{2, 2}, {3, 6}, {4, 24}, {5, 120}, {6, 720}}) {
    CAPTURE(size);
    std::map<Numbers, int> counts;
    constexpr int kDraws = 72000;
    for (int i = 0; i < kDraws; ++i)
      ++counts[order_of(size, key_of(static_cast<std::uint64_t>(i)))];
    REQUIRE(counts.size() == orders);
    Numbers numbers;
    for (const auto& [order, count] : counts) numbers.push_back(count);
    check_chi_square(chi_square(numbers, kDraws / static_cast<double>(orders)),
                     static_cast<double>(orders) - 1);
  }
}

// Sums over the cells of a table with fixed sums of rows and columns: (size - 1)^2 are free.
TEST_CASE("every place of a random permutation has every number equally often") {
  for (const std::int64_t size : {7, 9, 16, 31, 60}) {
    CAPTURE(size);
    const auto side = static_cast<std::size_t>(size);
    constexpr int kDraws = 20000;
    std::vector<int> counts(side * side);
    for (int i = 0; i < kDraws; ++i) {
      const RandomPermutation permutation(size, key_of(static_cast<std::uint64_t>(i)));
      for (std::int64_t place = 0; place < size; ++place)
        ++counts[static_cast<std::size_t>(place * size + permutation.at(place))];
    }
    const double free = static_cast<double>(size - 1);
    const double expected = kDraws / static_cast<double>(size);
    check_chi_square(chi_square(counts, expected) * free / static_cast<double>(size), free * free);
  }
}

TEST_CASE("neighbours and epochs of a large random permutation have nothing in common") {
  for (const std::int64_t size : {4096, 100003}) {
    CAPTURE(size);
    constexpr std::int64_t kCells = 32;
    const auto cell = [&](std::int64_t number) {
      return static_cast<std::size_t>(number * kCells / size);
    };
    std::vector<int> neighbours(kCells * kCells), epochs(kCells * kCells), steps(kCells);
    double draws = 0, same = 0;
    Numbers before = order_of(size, key_of(0));
    for (std::uint64_t epoch = 1; epoch <= 8; ++epoch) {
      const Numbers order = order_of(size, key_of(epoch));
      for (std::size_t i = 0; i + 1 < order.size(); ++i) {
        ++neighbours[cell(order[i]) * kCells + cell(order[i + 1])];
        ++epochs[cell(before[i]) * kCells + cell(order[i])];
        ++steps[cell((order[i + 1] - order[i] + size) % size)];
        same += order[i] == before[i] ? 1 : 0;
        ++draws;
      }
      before = order;
    }
    // Pairs without repetition are a little more even than independent ones, by a factor near 1.
    check_chi_square(chi_square(neighbours, draws / (kCells * kCells)), kCells * kCells - 1);
    check_chi_square(chi_square(epochs, draws / (kCells * kCells)), kCells * kCells - 1);
    check_chi_square(chi_square(steps, draws / kCells), kCells - 1);
    CHECK(same < 8 + kLogChance + std::sqrt(2 * 8 * kLogChance));  // of a Poisson number of mean 8
  }
}

TEST_CASE("a random permutation of an impossible size is refused") {
  for (const std::int64_t size : {std::int64_t{0}, std::int64_t{-1}, (std::int64_t{1} << 62) + 1})
    CHECK(testing::error_of([&] { RandomPermutation(size, key_of(0)); }).kind() ==
          ErrorKind::Internal);
}

}  // namespace longspan
